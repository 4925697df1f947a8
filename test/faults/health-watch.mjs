/**
 * A thread that asks a server for its health ten times a second, so that the time it waits is the server's and not
 * that of the clients in the test's thread. It posts the milliseconds of each answer; `status` is not 200 for a failure.
 */
import { get } from 'node:http';
import { parentPort, workerData } from 'node:worker_threads';

const { port } = workerData;

function ask() {
  const started = performance.now();
  const told = (status) => {
    parentPort.postMessage({ status, milliseconds: performance.now() - started });
    setTimeout(ask, 100);
  };
  get({ port, host: '127.0.0.1', path: '/health', agent: false }, (answer) => {
    answer.resume();
    answer.on('end', () => told(answer.statusCode));
  }).on('error', (error) => told(error.message));
}
ask();
