# Reads the ONNX files in a folder with the reference checker, and says what is wrong with each.
import pathlib
import sys

import onnx

for path in sorted(pathlib.Path(sys.argv[1]).glob("*.onnx")):
    try:
        onnx.checker.check_model(onnx.load(str(path)), full_check=True)
    except Exception as error:
        print(f"{path.stem}: {error}")
