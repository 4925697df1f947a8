"""Writes test/golden/onnx/typed-fields.onnx with the onnx package's own protobuf classes: constants in every
typed field, attributes of every kind, a nested graph, doc strings and shapes of inner values, all of which
src/onnx/decode.test.ts expects to read. Run from the repository's root: python3 test/golden/make_onnx.py"""

import onnx
from onnx import TensorProto, helper

INTEGERS = [
    ("int8", TensorProto.INT8, [-128, 127]),
    ("uint8", TensorProto.UINT8, [0, 255]),
    ("int16", TensorProto.INT16, [-32768, 32767]),
    ("uint16", TensorProto.UINT16, [0, 65535]),
    ("int32", TensorProto.INT32, [-(2**31), 2**31 - 1]),
    ("int64", TensorProto.INT64, [-(2**63), 2**63 - 1]),
    ("uint32", TensorProto.UINT32, [0, 2**32 - 1]),
    ("uint64", TensorProto.UINT64, [0, 2**64 - 1]),
    ("bool", TensorProto.BOOL, [1, 0]),
]
initializers = [helper.make_tensor(name, kind, [2], values) for name, kind, values in INTEGERS]
initializers.append(helper.make_tensor("float32", TensorProto.FLOAT, [2, 1], [1.5, -2.25]))
initializers.append(helper.make_tensor("float64", TensorProto.DOUBLE, [1, 2], [0.1, -1e300]))
initializers.append(helper.make_tensor("float16", TensorProto.FLOAT16, [2], [1.0, -2.0]))
initializers.append(helper.make_tensor("scalar", TensorProto.FLOAT, [], [7.0]))
initializers.append(helper.make_tensor("raw", TensorProto.FLOAT, [1], b"\x00\x00\x80\x3f", raw=True))
initializers.append(helper.make_tensor("condition", TensorProto.BOOL, [], [True]))


def branch(name, op):
    return helper.make_graph(
        [helper.make_node(op, ["x"], [name + "_out"])],
        name,
        [],
        [helper.make_tensor_value_info(name + "_out", TensorProto.FLOAT, None)],
    )


nodes = [
    helper.make_node("If", ["condition"], ["y"], then_branch=branch("then", "Relu"), else_branch=branch("else", "Neg")),
    helper.make_node(
        "Everything",
        ["y", "", "raw"],
        ["z"],
        name="every kind",
        doc_string="skipped",
        domain="test.pixelwise",
        an_int=-3,
        a_float=0.5,
        a_string="välue",
        a_tensor=helper.make_tensor("inner", TensorProto.INT64, [1], [5]),
        ints=[1, -2, 2**53 - 1],
        floats=[1.5, float("inf")],
        strings=["a", ""],
    ),
]
graph = helper.make_graph(
    nodes,
    "golden",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, None])],
    [helper.make_tensor_value_info("z", TensorProto.FLOAT, None)],
    initializers,
    doc_string="skipped",
    value_info=[helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 3, None])],
)
model = helper.make_model(
    graph,
    producer_name="onnx",
    producer_version=onnx.__version__,
    doc_string="skipped",
    opset_imports=[helper.make_opsetid("ai.onnx", 17), helper.make_opsetid("test.pixelwise", 1)],
)
model.ir_version = 8
helper.set_model_props(model, {"classes": "pet,background"})
with open("test/golden/onnx/typed-fields.onnx", "wb") as file:
    file.write(model.SerializeToString())
