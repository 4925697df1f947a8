import { describe, expect, it } from 'vitest';
import { encodeModel } from '../onnx/index.js';
import { viewOf } from './host-buffer.js';
import { checkDevice, createNodeRuntime, explain } from './node.js';

describe('an error of ONNX Runtime', () => {
  it.each([
    'Non-zero status code returned while running Conv node. Failed to allocate memory for requested buffer of size 1099511627776',
    'std::bad_alloc',
    'bfc_arena.cc:376 void* onnxruntime::BFCArena::AllocateRawInternal(size_t) Available memory of 0 is smaller than requested bytes of 512',
    'Array buffer allocation failed',
  ])('is one of memory: %s', (message) => {
    expect(explain(new Error(message), 'cuda')).toMatchObject({ code: 'memory' });
  });

  it('is one of memory where a run asks for more than there can be', async () => {
    const runtime = await createNodeRuntime({ worker: false, threads: 1 });
    const dims = new BigInt64Array([2n ** 46n]);
    const model = encodeModel({
      irVersion: 8,
      producerName: 'test',
      producerVersion: '',
      opsets: { '': 17 },
      metadata: {},
      graph: {
        name: 'large',
        nodes: [
          { name: 'e', opType: 'Expand', domain: '', inputs: ['x', 'shape'], outputs: ['y'], attributes: {} },
          { name: 'r', opType: 'ReduceSum', domain: '', inputs: ['y'], outputs: ['z'], attributes: {} },
        ],
        initializers: [{ name: 'shape', dataType: 'int64', dims: [1], data: new Uint8Array(dims.buffer) }],
        inputs: [{ name: 'x', dataType: 'float32', dims: [1] }],
        outputs: [{ name: 'z', dataType: 'float32', dims: [1] }],
      },
    });
    const session = await runtime.load(model);
    const x = { name: 'x', dtype: 'float32', shape: [1], view: viewOf(Float32Array.of(1)) } as const;
    await expect(session.run([x], [], ['z'])).rejects.toMatchObject({ code: 'memory' });
    await runtime.close();
  });

  it('refuses a missing graphics card in two lines, before any work', async (context) => {
    const refused = await checkDevice('cuda').then(
      () => undefined,
      (error: unknown) => error as Error,
    );
    if (refused === undefined) return context.skip('this machine has the library for CUDA');
    expect(refused).toMatchObject({ code: 'device' });
    const [what, advice, ...rest] = refused.message.split('\n');
    expect(what).toMatch(/^no CUDA graphics card can be used|is not in this machine's ONNX Runtime/);
    expect(advice ?? what).toContain('--device');
    expect(rest).toEqual([]);
  });

  it('names the device where that is not the CPU', () => {
    const error = new Error('no driver');
    expect(explain(error, 'cuda')).toMatchObject({ code: 'runtime', cause: error });
    expect(explain(error, 'cuda').message).toBe(
      'ONNX Runtime: no driver (device "cuda": is its driver installed? --device cpu always works)',
    );
    expect(
      explain('Non-zero status code returned while running MaxPool node. Name: x', 'webgpu').message,
    ).toMatch(
      /\(device "webgpu": it cannot compute this operator\. A run folder .*\. --device cpu always works\)/,
    );
    expect(explain('no driver', 'cpu').message).toBe('ONNX Runtime: no driver');
  });
});
