"""The gallery: one offline page of figures of what people would rather see than read, computed by Leadline."""

from leadline.report.gallery.page import write_gallery
from leadline.report.gallery.sections import SECTIONS, GallerySection

__all__ = ["SECTIONS", "GallerySection", "write_gallery"]
