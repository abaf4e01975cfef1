"""THEORY.md, section 3: T3.12, synthesis of target-like data, and a warning when its material is too small a set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.data import synthesis
from leadline.data.sources.comparable import image_statistics
from leadline.errors import LeadlineError, UsageError


def tone(n: int = 8000, frequency: float = 440) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * frequency * np.arange(n) / 8000)


@settings(deadline=None)
@given(st.floats(-20, 40), st.integers(0, 1000), st.integers(50, 20_000))
def test_t3_12_the_signal_to_noise_ratio_is_the_one_asked_for(snr: float, seed: int, length: int) -> None:
    """T3.12: a car's noise in a voice, at any ratio."""
    random = np.random.default_rng(seed)
    signal, background = tone(), random.normal(0, 0.3, length)
    mixed = synthesis.mix(signal, background, snr, random)
    assert np.abs(mixed).max() <= 1
    fixed = synthesis.mix(signal, background, snr)
    part = np.take(background, np.arange(len(signal)), mode="wrap")
    factors = np.linalg.lstsq(np.stack([signal, part], axis=1), fixed, rcond=None)[0]
    found = 10 * np.log10(synthesis.power(factors[0] * signal) / synthesis.power(factors[1] * part))
    assert found == pytest.approx(snr, abs=1e-6)


def test_t3_12_a_silent_background_has_no_ratio() -> None:
    """T3.12: what cannot be mixed is said."""
    with pytest.raises(UsageError, match="the background is silent"):
        synthesis.mix(tone(), np.zeros(100), 10)
    with pytest.raises(UsageError, match="1 axes and the background 2"):
        synthesis.mix(tone(), np.zeros((100, 2)), 10)


@pytest.mark.parametrize("channels", [1, 2])
def test_t3_12_wav_files_come_back(tmp_path: Path, channels: int) -> None:
    """T3.12: sounds are read and written as WAV."""
    signal = np.stack([tone(), tone(frequency=220)], axis=1)[:, :channels].squeeze()
    synthesis.write_wav(tmp_path / "a.wav", signal, 8000)
    values, rate = synthesis.read_wav(tmp_path / "a.wav")
    assert rate == 8000 and values.shape == signal.shape and np.abs(values - signal).max() < 1e-4
    whole = (tmp_path / "a.wav").read_bytes()
    (tmp_path / "a.wav").write_bytes(whole[:-1001])
    with pytest.raises(LeadlineError, match=r"a\.wav is cut off"):
        synthesis.read_wav(tmp_path / "a.wav")
    (tmp_path / "a.wav").write_bytes(b"RIFF no sound")
    with pytest.raises(LeadlineError, match=r"a\.wav cannot be read as WAV"):
        synthesis.read_wav(tmp_path / "a.wav")


def test_t3_12_images_change_as_they_are_told() -> None:
    """T3.12: blur, noise, compression and lighting move the statistics that tell sets apart."""
    random = np.random.default_rng(0)
    image = np.kron(random.integers(40, 200, (8, 8, 3)), np.ones((4, 4, 1))).astype(np.uint8)

    def statistics(changed: np.ndarray) -> dict[str, float]:
        assert changed.shape == image.shape and changed.dtype == np.uint8
        return {name: float(value[0]) for name, value in image_statistics(changed[None]).items()}

    before = statistics(image)
    assert statistics(synthesis.blur(image, 2))["sharpness"] < 0.5 * before["sharpness"]
    assert statistics(synthesis.noise(image, 15, random))["noise"] > before["noise"] + 0.1
    assert statistics(synthesis.light(image, brightness=0.5))["brightness"] < 0.6 * before["brightness"]
    assert statistics(synthesis.light(image, contrast=0.5))["contrast"] < 0.6 * before["contrast"]
    assert np.abs(synthesis.compress(image, 10).astype(int) - image).mean() > 3
    assert np.array_equal(synthesis.light(image), image)
    grey = image[:, :, :1]
    assert synthesis.compress(synthesis.blur(grey, 1), 50).shape == grey.shape
    with pytest.raises(UsageError, match="1 to 95"):
        synthesis.compress(image, 0)


def test_t3_12_objects_are_pasted_by_their_opacity() -> None:
    """T3.12: cut out here, pasted there."""
    cutout = np.zeros((4, 4, 4), np.uint8)
    cutout[:, :2] = (255, 0, 0, 255)
    background = np.full((10, 10, 3), 7, np.uint8)
    scene = synthesis.paste(cutout, background, top=3, left=8)
    assert (scene[3:7, 8:] == (255, 0, 0)).all()
    assert (scene == 7).all(axis=2).sum() == 92 and (background == 7).all()
    larger = synthesis.paste(cutout, background, 0, 0, height=8)
    assert (larger[:8, 0, 0] > 240).all() and (larger[:, 8:] == 7).all()
    with pytest.raises(UsageError, match="needs a cutout"):
        synthesis.paste(background, background, 0, 0)


def test_t3_12_a_warning_when_the_same_hour_is_used_ten_thousand_times() -> None:
    """T3.12: 10 000 hours of speech over one hour of car noise overfit to that hour."""
    narrow = synthesis.Diversity.of("backgrounds", [0] * 10_000)
    assert narrow.warning is not None
    assert (
        "10 000 synthetic examples are made from only 1 distinct backgrounds, each used 10 000 times: "
        in narrow.warning
    )
    assert synthesis.Diversity.of("backgrounds", range(100)).warning is None


def test_t3_12_a_recipe_uses_its_material_evenly() -> None:
    """T3.12: pieces are used about equally often, and how often is reported."""
    signals, backgrounds = [tone(frequency=200 + k) for k in range(50)], [np.ones(50), -np.ones(50), tone(50)]

    def make(signal: int, background: int, random: np.random.Generator) -> np.ndarray:
        return synthesis.mix(signals[signal], backgrounds[background], 10, random)

    made, (voices, noises) = synthesis.synthesize(make, 100, [("signals", 50), ("backgrounds", 3)])
    assert len(made) == 100 and (voices.distinct, voices.most) == (50, 2) and noises.most == 34
    assert voices.warning is None and noises.warning is not None and "Use at least 10" in noises.warning
