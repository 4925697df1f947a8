/**
 * Pointers on the stage. The mouse and the pen draw. A finger draws until a pen is seen, from then on it moves the
 * image. Two fingers move and scale it. The middle button and the space bar move it, the wheel scales it.
 */
import type { Editor } from './editor.js';
import type { Stage } from './stage.js';
import type { Point } from './viewport.js';

/** Scale factor for one pixel of the wheel. */
const WHEEL = 1.0015;
/** Pixels of a line and of a page, for wheels that count in them. */
const WHEEL_UNITS = [1, 16, 400] as const;
/** As WHEEL, for a pinch on a touchpad, whose steps are small. */
const PINCH = 1.01;

export class Pointers {
  /** Whether the space bar is held. */
  panning = false;
  private readonly touches = new Map<number, Point>();
  private penSeen = false;
  /** The pointer that draws, or moves the image. */
  private active: { readonly id: number; readonly pan: boolean; last: Point } | undefined;

  constructor(
    private readonly frame: HTMLElement,
    private readonly stage: Stage,
    private readonly editor: Editor,
    /** Where the pointer is, in the image; undefined when it leaves. */
    private readonly onHover: (at: Point | undefined) => void,
  ) {
    frame.addEventListener('pointerdown', (event) => this.down(event));
    frame.addEventListener('pointermove', (event) => this.move(event));
    frame.addEventListener('pointerup', (event) => this.up(event));
    frame.addEventListener('pointercancel', (event) => this.up(event, true));
    frame.addEventListener('lostpointercapture', (event) => this.up(event));
    frame.addEventListener('pointerenter', () => stage.measure());
    frame.addEventListener('pointerleave', () => this.onHover(undefined));
    frame.addEventListener('wheel', (event) => this.wheel(event), { passive: false });
    frame.addEventListener('contextmenu', (event) => event.preventDefault());
  }

  private down(event: PointerEvent): void {
    if (event.button > 1) return;
    if (event.button === 1) event.preventDefault();
    this.stage.measure();
    this.frame.focus({ preventScroll: true });
    this.frame.setPointerCapture(event.pointerId);
    const at = this.stage.stagePoint(event);
    if (event.pointerType === 'pen') this.penSeen = true;
    if (event.pointerType === 'touch') {
      this.touches.set(event.pointerId, at);
      if (this.touches.size > 1) {
        // The first finger was the beginning of a pinch.
        this.editor.cancel();
        this.active = undefined;
        return;
      }
    }
    if (this.active) return;
    const finger = event.pointerType === 'touch' && this.penSeen;
    const pan = event.button === 1 || this.panning || this.editor.tool === 'pan' || finger;
    this.active = { id: event.pointerId, pan, last: at };
    if (!pan) this.editor.press(this.stage.imagePoint(event));
    this.stage.request();
  }

  private move(event: PointerEvent): void {
    const at = this.stage.stagePoint(event);
    if (this.touches.has(event.pointerId) && this.touches.size > 1) {
      this.pinch(event.pointerId, at);
      return;
    }
    if (this.touches.has(event.pointerId)) this.touches.set(event.pointerId, at);
    this.onHover(this.stage.imagePoint(event));
    const { active } = this;
    if (active?.id !== event.pointerId) return;
    if (active.pan) this.stage.pan(at.x - active.last.x, at.y - active.last.y);
    else {
      const events = event.getCoalescedEvents();
      for (const each of events.length > 0 ? events : [event]) this.editor.move(this.stage.imagePoint(each));
    }
    active.last = at;
    this.stage.request();
  }

  private up(event: PointerEvent, cancelled = false): void {
    this.touches.delete(event.pointerId);
    const { active } = this;
    if (active?.id !== event.pointerId) return;
    this.active = undefined;
    if (!active.pan) {
      if (cancelled) this.editor.cancel();
      else this.editor.release();
    }
    this.stage.request();
  }

  /** Moves and scales the image as two fingers move: their middle and their distance. */
  private pinch(moved: number, to: Point): void {
    const [a, b] = this.touches.keys();
    if (moved === a || moved === b) {
      const before = span(this.touches.get(a!)!, this.touches.get(b!)!);
      this.touches.set(moved, to);
      const after = span(this.touches.get(a!)!, this.touches.get(b!)!);
      this.stage.pan(after.middle.x - before.middle.x, after.middle.y - before.middle.y);
      if (before.length > 0) this.stage.zoom(after.length / before.length, after.middle);
    }
  }

  private wheel(event: WheelEvent): void {
    event.preventDefault();
    const unit = WHEEL_UNITS[event.deltaMode as 0 | 1 | 2];
    if (event.shiftKey) this.stage.pan(-(event.deltaX || event.deltaY) * unit, 0);
    else
      this.stage.zoom(
        (event.ctrlKey ? PINCH : WHEEL) ** (-event.deltaY * unit),
        this.stage.stagePoint(event),
      );
    this.onHover(this.stage.imagePoint(event));
  }
}

function span(a: Point, b: Point): { middle: Point; length: number } {
  return {
    middle: { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 },
    length: Math.hypot(a.x - b.x, a.y - b.y),
  };
}
