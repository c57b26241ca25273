"""A stand-in for TensorFlow Serving: a SavedModel behind its REST and its gRPC protocol, for the tests of serving.md.

`python tests/serving/server.py FOLDER NAME REST_PORT GRPC_PORT`. REST is kserve's ModelServer, gRPC the service that
TensorFlow Serving defines. What a request runs is the SavedModel alone: neither Keras nor tfcolor is imported.
"""

import asyncio
import base64
import json
import sys
from concurrent.futures import ThreadPoolExecutor

import grpc
import kserve
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc


def run(signatures, name, inputs):
    """Inputs by name as arrays -> outputs by name; a wrong request is a ValueError."""
    if name not in signatures:
        raise ValueError(f"no signature {name!r}; there are {', '.join(signatures)}")
    function = signatures[name]
    specs = function.structured_input_signature[1]
    if set(inputs) != set(specs):
        raise ValueError(f"signature {name} takes {', '.join(specs)}, not {', '.join(inputs)}")
    try:
        return function(**{key: tf.constant(value, specs[key].dtype) for key, value in inputs.items()})
    except (tf.errors.InvalidArgumentError, TypeError) as error:
        raise ValueError(str(error)) from error


class Rest(kserve.Model):
    """TensorFlow Serving's row format: https://www.tensorflow.org/tfx/serving/api_rest."""

    def __init__(self, name, signatures):
        super().__init__(name)
        self.signatures, self.ready = signatures, True

    async def predict(self, payload, headers=None, response_headers=None):
        try:
            return await asyncio.to_thread(self.answer, payload)
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            raise kserve.errors.InvalidInput(f"{type(error).__name__}: {error}") from error

    def answer(self, payload):
        if isinstance(payload, bytes):  # kserve parses what is called JSON; TensorFlow Serving parses all
            payload = json.loads(payload)
        signature = payload.get("signature_name", "serving_default")
        (only,) = self.signatures[signature].structured_input_signature[1]
        rows = [row if isinstance(row, dict) and "b64" not in row else {only: row} for row in payload["instances"]]
        inputs = {key: np.array([_from_json(row[key]) for row in rows]) for key in rows[0]}
        outputs = run(self.signatures, signature, inputs)
        columns = {key: [_to_json(key, cell) for cell in value.numpy()] for key, value in outputs.items()}
        if len(columns) == 1:
            return {"predictions": columns.popitem()[1]}
        return {"predictions": [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]}


def _from_json(value):
    return base64.b64decode(value["b64"], validate=True) if isinstance(value, dict) else value


def _to_json(name, value):
    return {"b64": base64.b64encode(value).decode()} if name.endswith("_bytes") else value.tolist()


class Grpc(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, signatures):
        self.signatures = signatures

    def Predict(self, request, context):
        inputs = {key: tf.make_ndarray(value) for key, value in request.inputs.items()}
        try:
            outputs = run(self.signatures, request.model_spec.signature_name or "serving_default", inputs)
        except ValueError as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        response = predict_pb2.PredictResponse(model_spec=request.model_spec)
        for key, value in outputs.items():
            response.outputs[key].CopyFrom(tf.make_tensor_proto(value.numpy()))
        return response


def main(folder, name, rest_port, grpc_port):
    signatures = tf.saved_model.load(folder).signatures
    service = grpc.server(ThreadPoolExecutor(2))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Grpc(signatures), service)
    service.add_insecure_port(f"127.0.0.1:{grpc_port}")
    service.start()
    kserve.ModelServer(http_port=int(rest_port), enable_grpc=False).start([Rest(name, signatures)])


if __name__ == "__main__":
    main(*sys.argv[1:])
