import { describe, expect, it } from 'vitest';
import { explain } from './node.js';

describe('an error of ONNX Runtime', () => {
  it.each([
    'Non-zero status code returned while running Conv node. Failed to allocate memory for requested buffer of size 1099511627776',
    'std::bad_alloc',
    'bfc_arena.cc:376 void* onnxruntime::BFCArena::AllocateRawInternal(size_t) Available memory of 0 is smaller than requested bytes of 512',
    'Array buffer allocation failed',
  ])('is one of memory: %s', (message) => {
    expect(explain(new Error(message), 'cuda')).toMatchObject({ code: 'memory' });
  });

  it('names the device where that is not the CPU', () => {
    const error = new Error('no driver');
    expect(explain(error, 'cuda')).toMatchObject({ code: 'runtime', cause: error });
    expect(explain(error, 'cuda').message).toBe(
      'ONNX Runtime: no driver (device "cuda": is its driver installed? --device cpu always works)',
    );
    expect(explain('no driver', 'cpu').message).toBe('ONNX Runtime: no driver');
  });
});
