/** The conformance suite on onnxruntime-web's WebAssembly, in Node. */
import * as ort from 'onnxruntime-web';
import { createWebRuntime } from '../../src/runtime/index.js';
import { checkCase } from './check.js';
import { conformance } from './suite.js';

ort.env.wasm.numThreads = 1;
const runtime = createWebRuntime(ort);

conformance('onnxruntime-web, WebAssembly in Node', (each, golden) => checkCase(each, golden, runtime));
