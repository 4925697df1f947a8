/** The test page on WebGPU. */
import * as ort from 'onnxruntime-web/webgpu';
import { openPage } from './page.js';

openPage(ort, 'webgpu');
