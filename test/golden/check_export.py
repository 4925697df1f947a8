"""Checks exported files with ONNX's own checker and shape inference (Debian's python3-onnx).

Run: python3 check_export.py MODEL.onnx... with files that `pixelwise export` wrote. Prints each file's inputs,
outputs and card; ends with 1 where a file is not opset 17, IR 8 and standard operators, or not well formed.
"""
import json
import sys

import onnx


def described(value):
    tensor = value.type.tensor_type
    dims = [d.dim_param or d.dim_value for d in tensor.shape.dim]
    return f"{value.name}: {onnx.TensorProto.DataType.Name(tensor.elem_type).lower()} {dims}"


def problems(path):
    model = onnx.load(path)
    try:
        onnx.checker.check_model(model, full_check=True)
        # Strict inference also finds results whose declared shape is not the one that follows.
        onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        yield str(error)
    opsets = {o.domain: o.version for o in model.opset_import}
    if (model.ir_version, opsets) != (8, {"": 17}):
        yield f"IR {model.ir_version}, operator sets {opsets}; expected IR 8 and opset 17"
    domains = {node.domain for node in model.graph.node} - {""}
    if domains:
        yield f"operators of {domains}"
    inputs = [value.name for value in model.graph.input]
    outputs = [value.name for value in model.graph.output]
    if (inputs, outputs) not in [(["image"], ["mask", "probabilities"]), (["input"], ["logits"])]:
        yield f"inputs {inputs}, outputs {outputs}"
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    card = json.loads(metadata.get("pixelwise", "{}"))
    for key in ("classes", "palette", "normalization", "height", "width"):
        if key not in card:
            yield f'the metadata "pixelwise" lacks {key}'
    for value in [*model.graph.input, *model.graph.output]:
        print(f"  {described(value)}")
    print(f"  {len(model.graph.node)} nodes; card {json.dumps(card)[:200]}")


bad = False
for path in sys.argv[1:]:
    print(path)
    for problem in problems(path):
        bad = True
        print(f"  PROBLEM: {problem}")
sys.exit(1 if bad else 0)
