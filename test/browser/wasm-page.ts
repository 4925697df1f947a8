/** The test page on WebAssembly. */
import * as ort from 'onnxruntime-web/wasm';
import { openPage } from './page.js';

openPage(ort, 'wasm');
