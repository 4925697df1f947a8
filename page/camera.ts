/** The webcam, frame by frame: the next frame is taken once the previous one is processed. */

export interface Camera {
  stop(): void;
}

/** Opens the camera and passes on its frames. @param onFrame gets ownership of the bitmap. */
export async function openCamera(
  onFrame: (frame: ImageBitmap) => Promise<void>,
  onFailure: (error: unknown) => void,
): Promise<Camera> {
  const stream = await navigator.mediaDevices.getUserMedia({
    video: { facingMode: 'environment', width: { ideal: 1280 } },
    audio: false,
  });
  const video = document.createElement('video');
  video.muted = true;
  video.playsInline = true;
  video.srcObject = stream;
  let open = true;
  const stop = () => {
    open = false;
    for (const track of stream.getTracks()) track.stop();
    video.srcObject = null;
  };
  try {
    await video.play();
  } catch (error) {
    stop();
    throw error;
  }
  const run = async () => {
    while (open) {
      await onFrame(await createImageBitmap(video));
      // Lets the page draw, and pauses while it is hidden.
      await new Promise(requestAnimationFrame);
    }
  };
  run().catch((error: unknown) => {
    if (!open) return;
    stop();
    onFailure(error);
  });
  return { stop };
}
