import { Fault } from '../../model/base/fault.ts';

export function outside(path: string, tree: string, why: string): Fault {
  return new Fault({
    kind: 'stalled',
    what: `${JSON.stringify(path)} leads out of ${tree}`,
    why,
    next: 'name a path inside it, from its root',
    where: path,
  });
}

export function tooLarge(path: string, size: number, bytesMax: number): Fault {
  return new Fault({
    kind: 'stalled',
    what: `${path} is too large`,
    why: `it has ${size} bytes, at most ${bytesMax} are read`,
    next: 'make it smaller, or take it out of the folder',
    where: path,
  });
}
