/**
 * The pieces of a run on a map: tens of thousands of windows, each coloured by its stage, as one layer of the graphics card.
 *
 *   const layer = new PartsLayer();
 *   layer.place(places);            // /runs/{run}/map.json: meshes, windows; see `app/verbs/run_map.py`
 *   layer.stage(0, letters);        // letters from the window of this number on
 *   map.addLayer(layer, BELOW_LABELS);
 *   const number = layer.at(event.lngLat);  // which window lies there, or -1
 *
 * Each stage has a colour of Okabe and Ito's palette and a pattern; the legend has the same in style.css.
 */
import {MAX_LATITUDE} from "./map.js";

export const STAGES = "WQRXDVPEAF"; // the order of the legend, and of the numbers in the shader
const CORNERS = 4; // north-west, north-east, south-west, south-east
const WINDOW_FLOATS = 2 * CORNERS;
const TRIANGLES = [0, 2, 1, 1, 2, 3]; // of corners

const VERTEX = `#version 300 es
in vec2 corner; in float stage;
uniform mat4 matrix;
out vec2 place; flat out int kind;
void main() {
  place = vec2(gl_VertexID & 1, (gl_VertexID >> 1) & 1);
  kind = int(stage);
  gl_Position = matrix * vec4(corner, 0.0, 1.0);
}`;

// Patterns are drawn on the screen, not on the ground: they look the same however near one is. Stripes of 8 points.
const FRAGMENT = `#version 300 es
precision mediump float;
in vec2 place; flat in int kind;
uniform vec3 colours[10];
uniform float dot_size; uniform vec3 ink;
out vec4 drawn;
float stripe(float along, float share) { return step(fract(along / 8.0), share); }
void main() {
  vec2 at = gl_FragCoord.xy / dot_size;
  vec3 colour = colours[kind];
  float dots = step(length(mod(at, 7.0) - 3.5), 1.6);
  float strong = 1.0;
  if (kind == 0) strong = 0.0;                                                      // waiting: pale
  else if (kind == 1) strong = dots;                                                // queued: dots
  else if (kind == 2) strong = stripe(at.x + at.y, 0.5);                            // being computed: rising stripes
  else if (kind == 3) strong = stripe(at.y, 0.5);                                   // exported: level stripes
  else if (kind == 4) strong = stripe(at.x, 0.5);                                   // being downloaded: upright stripes
  else if (kind == 5) strong = 1.0 - dots;                                          // checked: holes
  else if (kind == 7) strong = max(stripe(at.x, 0.15), stripe(at.y, 0.15));         // empty: a net
  else if (kind == 8) strong = stripe(at.x - at.y, 0.5);                            // again: falling stripes
  else if (kind == 9) strong = 1.0;                                                 // failed: full, crossed below
  float alpha = mix(0.30, 0.86, strong);
  vec2 step_ = fwidth(place);
  float small = max(step_.x, step_.y);
  if (kind == 9 && small < 0.12 && min(abs(place.x - place.y), abs(place.x + place.y - 1.0)) < 1.6 * small) { colour = ink; alpha = 0.95; }
  vec2 edge = min(place, 1.0 - place) / step_;
  if (small < 0.2 && min(edge.x, edge.y) < 0.6) { colour = mix(colour, ink, 0.55); alpha = 0.8; }
  drawn = vec4(colour * alpha, alpha);
}`;

// Okabe and Ito, https://jfly.uni-koeln.de/color/; the greys are ours. In the order of STAGES.
const COLOURS = ["#9aa3ab", "#f0e442", "#e69f00", "#56b4e9", "#cc79a7", "#0072b2", "#009e73", "#7a7f87", "#d55e00", "#d55e00"];

export class PartsLayer {
  constructor(id = "parts") {
    Object.assign(this, {id, type: "custom", renderingMode: "2d", count: 0, origin: [0.5, 0.5], reach: 0, ink: [0.1, 0.1, 0.12]});
    this.corners = new Float32Array(0);
    this.windows = new Int32Array(0); // grid, row, col, height, width of each
    this.letters = new Uint8Array(0);
  }

  /** Take where the windows lie; all of them wait until `stage` says otherwise. */
  place(places) {
    this.count = places.windows.reduce((sum, run) => sum + run[5], 0);
    this.windows = new Int32Array(this.count * 5);
    this.letters = new Uint8Array(this.count * CORNERS);
    const far = new Float64Array(this.count * WINDOW_FLOATS);
    let number = 0;
    for (const [grid, row, col, height, width, side] of places.windows) {
      const mesh = places.meshes[grid];
      for (let step = 0; step < side; step++, number++) {
        const left = col + step * width;
        this.windows.set([grid, row, left, height, width], number * 5);
        quad(mesh, row, left, height, width, far, number * WINDOW_FLOATS);
      }
    }
    [this.origin, this.reach] = middle(far);
    this.corners = Float32Array.from(far, (value, index) => value - this.origin[index & 1]); // single precision is enough near 0
    this.toUpload = true;
    this.map?.triggerRepaint();
  }

  /** Take the stages of windows from a number on, a letter each. */
  stage(first, letters) {
    for (let index = 0; index < letters.length; index++) {
      this.letters.fill(STAGES.indexOf(letters[index]), (first + index) * CORNERS, (first + index + 1) * CORNERS);
    }
    if (this.gl && !this.toUpload) {
      this.gl.bindBuffer(this.gl.ARRAY_BUFFER, this.lettersBuffer);
      this.gl.bufferSubData(this.gl.ARRAY_BUFFER, first * CORNERS, this.letters.subarray(first * CORNERS, (first + letters.length) * CORNERS));
    }
    this.map?.triggerRepaint();
  }

  /** Return how many windows there are of each stage, by its letter. */
  counts() {
    const counts = new Uint32Array(STAGES.length);
    for (let at = 0; at < this.letters.length; at += CORNERS) counts[this.letters[at]]++;
    return Object.fromEntries([...STAGES].map((letter, index) => [letter, counts[index]]));
  }

  /** Return what is known of a window. */
  window(number) {
    const [grid, row, col, height, width] = this.windows.subarray(number * 5, number * 5 + 5);
    return {grid, row, col, height, width, letter: STAGES[this.letters[number * CORNERS]]};
  }

  /** Return the number of the window at this grid, row and column; -1 where there is none. */
  find(grid, row, col) {
    for (let number = 0; number < this.count; number++) {
      const [g, r, c, h, w] = this.windows.subarray(number * 5, number * 5 + 5);
      if (g === grid && r <= row && row < r + h && c <= col && col < c + w) return number;
    }
    return -1;
  }

  /** Return the number of the window that a place (degrees) lies in; -1 where none does. */
  at({lng, lat}) {
    const [x, y] = [(lng + 180) / 360 - this.origin[0], mercator(lat) - this.origin[1]];
    for (let number = 0; number < this.count; number++) {
      const c = this.corners.subarray(number * WINDOW_FLOATS, number * WINDOW_FLOATS + WINDOW_FLOATS);
      for (const turn of [0, -1, 1]) if (inside(c, x + turn, y)) return number;
    }
    return -1;
  }

  /** Return the outline of a window as GeoJSON, degrees. */
  outline(number) {
    const c = this.corners.subarray(number * WINDOW_FLOATS, number * WINDOW_FLOATS + WINDOW_FLOATS);
    const corner = (index) => [(c[index] + this.origin[0]) * 360 - 180, latitude(c[index + 1] + this.origin[1])];
    return {type: "Feature", properties: {}, geometry: {type: "LineString", coordinates: [0, 2, 6, 4, 0].map(corner)}};
  }

  onAdd(map, gl) {
    Object.assign(this, {map, gl, toUpload: true});
    this.program = linked(gl);
    this.array = gl.createVertexArray();
    this.cornersBuffer = gl.createBuffer();
    this.lettersBuffer = gl.createBuffer();
    this.trianglesBuffer = gl.createBuffer();
  }

  onRemove() {
    for (const buffer of [this.cornersBuffer, this.lettersBuffer, this.trianglesBuffer]) this.gl.deleteBuffer(buffer);
    this.gl.deleteVertexArray(this.array);
    this.gl.deleteProgram(this.program);
    this.map = this.gl = null;
  }

  render(gl, {defaultProjectionData}) {
    if (!this.count) return;
    const bound = gl.getParameter(gl.VERTEX_ARRAY_BINDING);
    gl.useProgram(this.program);
    gl.bindVertexArray(this.array);
    if (this.toUpload) this.upload(gl);
    const of = (name) => gl.getUniformLocation(this.program, name);
    gl.uniform3fv(of("colours"), COLOURS.flatMap(rgb));
    gl.uniform3fv(of("ink"), this.ink);
    gl.uniform1f(of("dot_size"), this.map.getPixelRatio());
    for (const world of this.worlds()) {
      gl.uniformMatrix4fv(of("matrix"), false, moved(defaultProjectionData.mainMatrix, this.origin[0] + world, this.origin[1]));
      gl.drawElements(gl.TRIANGLES, this.count * TRIANGLES.length, gl.UNSIGNED_INT, 0);
    }
    gl.bindVertexArray(bound);
  }

  /** Return which copies of the world show some of the windows, 0 for the one from -180 to 180 degrees. */
  worlds() {
    const bounds = this.map.getBounds();
    const [west, east] = [bounds.getWest(), bounds.getEast()].map((lon) => (lon + 180) / 360 - this.origin[0]);
    const [first, last] = [Math.ceil(west - this.reach), Math.floor(east + this.reach)];
    return Array.from({length: Math.max(0, last - first + 1)}, (_, index) => first + index);
  }

  upload(gl) {
    attribute(gl, this.program, "corner", this.cornersBuffer, this.corners, 2, gl.FLOAT, gl.STATIC_DRAW);
    attribute(gl, this.program, "stage", this.lettersBuffer, this.letters, 1, gl.UNSIGNED_BYTE, gl.DYNAMIC_DRAW);
    // No instances: software that stands in for a graphics card draws each of them by itself, some twenty times as slowly.
    const triangles = Uint32Array.from({length: this.count * TRIANGLES.length}, (_, index) => Math.floor(index / 6) * CORNERS + TRIANGLES[index % 6]);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.trianglesBuffer);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, triangles, gl.STATIC_DRAW);
    this.toUpload = false;
  }
}

function attribute(gl, program, name, buffer, content, size, type, usage) {
  gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
  gl.bufferData(gl.ARRAY_BUFFER, content, usage);
  const place = gl.getAttribLocation(program, name);
  gl.enableVertexAttribArray(place);
  gl.vertexAttribPointer(place, size, type, false, 0, 0);
}

function linked(gl) {
  const program = gl.createProgram();
  for (const [type, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(type);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader));
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program));
  return program;
}

/** Return a matrix (columns, as WebGL has it) behind a move by x and y: in double precision, so that nothing trembles. */
function moved(matrix, x, y) {
  const made = Float64Array.from(matrix);
  for (let row = 0; row < 4; row++) made[12 + row] = matrix[row] * x + matrix[4 + row] * y + matrix[12 + row];
  return Float32Array.from(made);
}

// ---------------------------------------------------------------- where a window lies

/** Write the corners of a window as x and y of Web Mercator's unit square. */
function quad(mesh, row, col, height, width, to, offset) {
  let first = null;
  for (const [index, [r, c]] of [[row, col], [row, col + width], [row + height, col], [row + height, col + width]].entries()) {
    const [lon, lat] = position(mesh, r, c);
    let x = (lon + 180) / 360;
    first ??= x;
    x += Math.round(first - x); // a window across the antimeridian stays in one piece
    to[offset + 2 * index] = x;
    to[offset + 2 * index + 1] = mercator(lat);
  }
}

/** Return longitude and latitude of a corner of pixels, between the nodes of its mesh. */
function position(mesh, row, col) {
  const [r, across] = between(mesh.rows, row);
  const [c, along] = between(mesh.cols, col);
  const wide = mesh.cols.length;
  const nodes = [r * wide + c, r * wide + c + 1, (r + 1) * wide + c, (r + 1) * wide + c + 1];
  const weights = [(1 - across) * (1 - along), (1 - across) * along, across * (1 - along), across * along];
  let [lon, lat] = [0, 0];
  const near = mesh.lon[nodes[0]] ?? NaN; // where the grid's CRS has no such place, nothing is drawn
  for (let index = 0; index < 4; index++) {
    if (!weights[index]) continue;
    const there = mesh.lon[nodes[index]] ?? NaN;
    lon += weights[index] * (there - 360 * Math.round((there - near) / 360));
    lat += weights[index] * mesh.lat[nodes[index]];
  }
  return [lon, lat];
}

/** Return the node before a place on an axis, and how far it is on the way to the next, 0 to 1. */
function between(nodes, at) {
  const last = nodes.length - 2;
  let index = Math.max(0, Math.min(last, Math.floor((at / nodes.at(-1)) * (last + 1))));
  while (index > 0 && nodes[index] > at) index--; // nodes are rounded to whole pixels
  while (index < last && nodes[index + 1] < at) index++;
  return [index, (at - nodes[index]) / (nodes[index + 1] - nodes[index])];
}

function mercator(lat) {
  const held = Math.max(-MAX_LATITUDE, Math.min(MAX_LATITUDE, lat));
  return 0.5 - Math.log(Math.tan(Math.PI / 4 + (held * Math.PI) / 360)) / (2 * Math.PI);
}

function latitude(y) {
  return (Math.atan(Math.exp((0.5 - y) * 2 * Math.PI)) * 360) / Math.PI - 90;
}

/** Return the middle of all corners, and how far they reach from it to the west and the east. */
function middle(corners) {
  const [low, high] = [[Infinity, Infinity], [-Infinity, -Infinity]];
  for (let index = 0; index < corners.length; index++) {
    if (corners[index] < low[index & 1]) low[index & 1] = corners[index];
    if (corners[index] > high[index & 1]) high[index & 1] = corners[index];
  }
  const origin = low.map((value, axis) => (Number.isFinite(value) ? (value + high[axis]) / 2 : 0.5));
  return [origin, Math.max(0, (high[0] - low[0]) / 2)];
}

/** Tell whether a point lies in a quad: on one side of all its edges. */
function inside(c, x, y) {
  const ring = [0, 2, 6, 4];
  let turn = 0;
  for (let index = 0; index < 4; index++) {
    const [a, b] = [ring[index], ring[(index + 1) % 4]];
    const side = Math.sign((c[b] - c[a]) * (y - c[a + 1]) - (c[b + 1] - c[a + 1]) * (x - c[a]));
    if (side && turn && side !== turn) return false;
    turn ||= side;
  }
  return true;
}

function rgb(colour) {
  return [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16) / 255);
}
