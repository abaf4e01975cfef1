"""What else networks of images are for than classes: pictures painted by descent on the image itself."""

from leadline.vision.style import Style, StyleProgress, StyleTransfer, transfer_style

__all__ = ["Style", "StyleProgress", "StyleTransfer", "transfer_style"]
