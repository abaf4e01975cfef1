"""Trained networks in other programs: one ONNX file from raw columns to predictions."""

from leadline.export.onnx_inputs import onnx_inputs
from leadline.export.onnx_model import described_onnx, onnx_model, write_onnx

__all__ = ["described_onnx", "onnx_inputs", "onnx_model", "write_onnx"]
