"""Pictures made of tiles: their places, their colours, and how they stand in a report."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import replace
from io import BytesIO

import numpy as np
import report_samples as samples
from PIL import Image

from leadline.report.contents import PictureSection, Strip
from leadline.report.figures.inside import filter_pictures, map_pictures
from leadline.report.figures.tiles import mosaic
from leadline.report.page import render_report


def test_tiles_stand_in_rows_with_clear_gaps() -> None:
    tiles = np.stack([np.full((4, 6, 3), k + 1, np.uint8) for k in range(5)])
    picture = mosaic(tiles, columns=3, gap=2)
    assert picture.shape == (4 + 2 + 4, 3 * 6 + 2 * 2, 4)
    assert (picture[:4, :6] == (1, 1, 1, 255)).all() and (picture[6:, 8:14] == (5, 5, 5, 255)).all()
    assert (picture[4:6, :, 3] == 0).all() and (picture[:, 6:8, 3] == 0).all()
    assert (picture[6:, 16:, 3] == 0).all(), "there is no sixth tile"


def test_grey_tiles_and_tiles_of_many_channels_become_colours() -> None:
    grey = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    for tiles in (grey, grey[..., None], np.repeat(grey[..., None], 5, axis=3)):
        picture = mosaic(tiles, 2, 1)
        np.testing.assert_array_equal(picture[:, :3, :3], np.repeat(grey[0][..., None], 3, axis=2))


def test_filters_of_colours_are_drawn_in_them_around_grey() -> None:
    weights = np.zeros((2, 3, 2, 2))
    weights[0, 0, 0, 0], weights[0, 2, 1, 1] = 4.0, -4.0
    pictures = filter_pictures(weights)
    assert pictures.shape == (2, 2, 2, 3)
    assert pictures[0, 0, 0].tolist() == [255, 128, 128] and pictures[0, 1, 1].tolist() == [128, 128, 0]
    assert (pictures[1] == 128).all(), "a filter of zeros is grey"
    assert filter_pictures(np.ones((1, 1, 2, 2))).tolist() == np.full((1, 2, 2, 3), 255).tolist()


def test_deeper_filters_tell_the_sign_by_colour() -> None:
    weights = np.zeros((2, 5, 3, 3))
    weights[1, 4, 0], weights[1, 4, 2] = 1.0, -1.0
    pictures = filter_pictures(weights)
    assert pictures.shape == (10, 3, 3, 3)
    orange, white, blue = pictures[9, 0, 0], pictures[9, 1, 0], pictures[9, 2, 0]
    assert orange[0] > orange[2] and blue[2] > blue[0] and white.min() > 240


def test_maps_are_dark_at_nothing_and_bright_at_much() -> None:
    maps = np.zeros((2, 2, 2))
    maps[0, 0, 0], maps[1, 1, 1] = 5.0, 0.5
    pictures = map_pictures(maps).astype(int).sum(-1)
    assert pictures[0, 0, 0] == pictures[1, 1, 1] == pictures.max() and pictures[0, 1, 1] == pictures.min()
    signed = map_pictures(np.array([[[-1.0, 0.0, 1.0]]]))[0, 0]
    assert signed[0, 2] > signed[0, 0] and signed[2, 0] > signed[2, 2] and signed[1].min() > 240
    assert np.isfinite(map_pictures(np.full((1, 2, 2), np.nan))).all()


def test_a_report_carries_them_whole() -> None:
    tiles = np.random.default_rng(0).integers(0, 255, (40, 20, 20, 3)).astype(np.uint8)
    strip = Strip("layers[1] <b>", mosaic(tiles, 20), 'tiles "of" layer 1', "Shown: all.", scale=2)
    page = render_report(
        replace(samples.digits(), pictures=[PictureSection("filters", "The filters", "A note.", [strip])])
    )
    assert '<section class="section" id="filters">' in page and "layers[1] &lt;b&gt;" in page
    tag = page[page.index('<img src="data', page.index('id="filters"')) :].split(">")[0]
    assert f'width="{2 * strip.picture.shape[1]}"' in tag and "class=pixels" in tag
    assert "tiles &#34;of&#34; layer 1" in tag
    data = b64decode(tag.split("base64,")[1].split('"')[0])
    np.testing.assert_array_equal(np.asarray(Image.open(BytesIO(data))), strip.picture)
