// The image on its stage: fetched ahead, zoomed about the pointer, dragged, lightened.

const LARGEST_ZOOM = 16;
const PIXELATED_BELOW = 128;

/** Images by item id, fetched before they are needed. */
export class Prefetch {
  #images = new Map();

  /** The image element and a promise of it being ready to be painted. */
  get(offer) {
    const known = this.#images.get(offer.item);
    if (known && !known.failed) return known;
    const element = new Image();
    element.alt = `Image ${offer.item}`;
    element.draggable = false;
    element.src = `/image/${offer.item}`;
    const entry = { element, ready: false, failed: false };
    entry.loaded = element.decode().then(
      () => {
        entry.ready = true;
        element.classList.toggle("tiny", Math.max(element.naturalWidth, element.naturalHeight) < PIXELATED_BELOW);
      },
      () => {
        entry.failed = true;
      },
    );
    this.#images.set(offer.item, entry);
    return entry;
  }

  /** Keep these and forget the others. */
  keep(offers) {
    const wanted = new Set(offers.map((offer) => offer.item));
    for (const item of this.#images.keys()) if (!wanted.has(item)) this.#images.delete(item);
    for (const offer of offers) this.get(offer);
  }
}

export class Viewer {
  #stage;
  #frame;
  #zoom = 1;
  #x = 0;
  #y = 0;
  #pointers = new Map();

  constructor(stage, frame, controls) {
    this.#stage = stage;
    this.#frame = frame;
    this.controls = controls; // {zoom: output, brightness: input, contrast: input}
    stage.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    stage.addEventListener("pointerdown", (event) => this.#down(event));
    stage.addEventListener("pointermove", (event) => this.#move(event));
    for (const end of ["pointerup", "pointercancel"]) {
      stage.addEventListener(end, (event) => this.#pointers.delete(event.pointerId));
    }
    stage.addEventListener("dblclick", (event) => this.#double(event));
    for (const input of [controls.brightness, controls.contrast]) {
      input.addEventListener("input", () => this.#paint());
    }
  }

  show(element) {
    this.#frame.replaceChildren(...(element ? [element] : []));
    this.fit();
  }

  fit() {
    [this.#zoom, this.#x, this.#y] = [1, 0, 0];
    this.#paint();
  }

  reset() {
    this.controls.brightness.value = this.controls.contrast.value = 100;
    this.fit();
  }

  zoomBy(factor, x = 0, y = 0) {
    const zoom = Math.min(LARGEST_ZOOM, Math.max(1, this.#zoom * factor));
    const change = zoom / this.#zoom;
    this.#x = x - (x - this.#x) * change;
    this.#y = y - (y - this.#y) * change;
    this.#zoom = zoom;
    this.#paint();
  }

  adjust(name, step) {
    this.controls[name].value = Number(this.controls[name].value) + step;
    this.#paint();
  }

  #paint() {
    const { width, height } = this.#stage.getBoundingClientRect();
    const [right, below] = [(width * (this.#zoom - 1)) / 2, (height * (this.#zoom - 1)) / 2];
    this.#x = Math.min(right, Math.max(-right, this.#x));
    this.#y = Math.min(below, Math.max(-below, this.#y));
    const { zoom, brightness, contrast } = this.controls;
    const changed = brightness.value !== "100" || contrast.value !== "100";
    this.#frame.style.transform = `translate(${this.#x}px, ${this.#y}px) scale(${this.#zoom})`;
    this.#frame.style.filter = changed ? `brightness(${brightness.value}%) contrast(${contrast.value}%)` : "";
    zoom.value = `${Math.round(this.#zoom * 100)} %`;
    zoom.parentElement.classList.toggle("changed", changed || this.#zoom !== 1);
    this.#stage.classList.toggle("zoomed", this.#zoom > 1);
  }

  /** A place on the screen relative to the middle of the stage. */
  #place(event) {
    const box = this.#stage.getBoundingClientRect();
    return [event.clientX - box.left - box.width / 2, event.clientY - box.top - box.height / 2];
  }

  #wheel(event) {
    event.preventDefault();
    this.zoomBy(Math.exp(-Math.max(-100, Math.min(100, event.deltaY)) / 300), ...this.#place(event));
  }

  #double(event) {
    if (this.#zoom > 1) this.fit();
    else this.zoomBy(2.5, ...this.#place(event));
  }

  #down(event) {
    if (event.button !== 0) return;
    this.#pointers.set(event.pointerId, this.#place(event));
    this.#stage.setPointerCapture(event.pointerId);
  }

  #move(event) {
    const before = this.#pointers.get(event.pointerId);
    if (!before) return;
    const now = this.#place(event);
    const other = [...this.#pointers].find(([id]) => id !== event.pointerId)?.[1];
    this.#pointers.set(event.pointerId, now);
    if (other) {
      const distance = (point) => Math.hypot(point[0] - other[0], point[1] - other[1]);
      const middle = [(now[0] + other[0]) / 2, (now[1] + other[1]) / 2];
      this.zoomBy(distance(now) / Math.max(1, distance(before)), ...middle);
    } else {
      this.#x += now[0] - before[0];
      this.#y += now[1] - before[1];
      this.#paint();
    }
  }
}
