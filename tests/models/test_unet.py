"""The U-Net over its encoders: the published blocks, their shapes, and what it refuses."""

import keras
import numpy as np
import pytest

from tfcolor.models.encoders import MOBILENET_V2_TAPS, mobilenet_v2, vgg16
from tfcolor.models.unet import unet

GRAY = keras.Input((64, 96, 1))


@pytest.fixture(scope="module")
def features():
    return mobilenet_v2(GRAY, weights=None, alpha=0.35)


def test_encoder_taps_have_their_strides(features):
    for stride in MOBILENET_V2_TAPS:
        assert features[stride].shape[1:3] == (64 // stride, 96 // stride)


def test_mobilenet_v2_is_tapped_where_the_pets_report_does():
    full = mobilenet_v2(keras.Input((128, 128, 1)), weights=None)
    assert [full[stride].shape[-1] for stride in (2, 4, 8, 16, 32)] == [96, 144, 192, 576, 320]


def test_published_decoder_is_four_transposed_blocks(features):
    decoded = unet(features)
    assert decoded[2].shape == (None, 32, 48, 64 + features[2].shape[-1])
    model = keras.Model(GRAY, decoded[2])
    blocks = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2DTranspose)]
    assert [layer.filters for layer in blocks] == [512, 256, 128, 64]
    assert all(layer.kernel_size == (3, 3) and layer.strides == (2, 2) for layer in blocks)


def test_the_published_decoder_stands_on_vgg16_too():
    decoded = unet(vgg16(GRAY, weights=None), widths=(16, 8, 8, 8))
    assert decoded[2].shape[1:3] == (32, 48)


def test_refined_decoder_ends_where_its_widths_end(features):
    decoded = unet(features, widths=(64, 48, 32), refine=True)
    assert decoded[4].shape == (None, 16, 24, 32)
    assert 2 not in decoded


def test_too_many_widths_are_refused(features):
    with pytest.raises(ValueError, match="5 decoder widths"):
        unet(features, widths=(16, 16, 16, 16, 16))


def test_context_starts_as_none_and_then_reaches_every_place(features):
    decoded = keras.Model(GRAY, unet(features, widths=(16,), refine=True, context=8))
    model = keras.Model(GRAY, decoded.get_layer("in_context").output)
    gray = np.random.default_rng(0).random((1, 64, 96, 1), "float32")
    to_all = model.get_layer("context_to_all")
    before = model.predict_on_batch(gray)
    to_all.kernel.assign(np.random.default_rng(1).normal(size=to_all.kernel.shape))
    after = model.predict_on_batch(gray)
    model.get_layer("context").kernel.assign(0 * model.get_layer("context").kernel)
    assert (model.predict_on_batch(gray) == before).all()  # at zero: what there is without context
    assert (after != before).any(axis=-1).all()


def test_context_trains_the_whole_encoder(features):
    assert unet(features, widths=(16,))["encoder"] is features["encoder"]
    assert unet(features, widths=(16,), context=8)["encoder"] is features["whole"]


def test_vgg16_has_its_blocks():
    features = vgg16(keras.Input((64, 64, 1)), weights=None)
    assert [features[s].shape[-1] for s in (1, 2, 4, 8, 16, 32)] == [64, 128, 256, 512, 512, 512]


def test_weights_file_that_is_not_there():
    with pytest.raises(ValueError, match="no such file"):
        mobilenet_v2(keras.Input((32, 32, 1)), weights="nowhere.h5")


def test_imagenet_weights_from_a_file(shared):
    path = str(next((shared / "weights").glob("mobilenet_v2*.h5")))
    model = keras.Model(GRAY, mobilenet_v2(GRAY, weights=path)[2])
    reference = keras.applications.MobileNetV2(include_top=False, weights=path, input_shape=(64, 64, 3))
    ours, theirs = (m.get_layer("Conv1").get_weights()[0] for m in (model, reference))
    assert (ours == theirs).all() and abs(ours).max() > 0.5


def test_vgg16_starts_from_the_first_blocks_alone(shared):
    path = str(shared / "weights" / "vgg16_block1to3_imagenet_tf.h5")
    model = keras.Model(GRAY, vgg16(GRAY, weights=path)[16])
    means = [float(abs(model.get_layer(name).get_weights()[1]).mean()) for name in ("block3_conv3", "block4_conv1")]
    assert means[0] > 0 and means[1] == 0  # biases: the third block came from the file, the fourth starts at zero
