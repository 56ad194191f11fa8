/** Every path of keys in a JSON value: `apps[].steps[].kind`. Items of a list count as one. */
export function keyPaths(value: unknown, at = ''): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((item) => keyPaths(item, `${at}[]`));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) => {
    const path = at === '' ? key : `${at}.${key}`;
    return [path, ...keyPaths(item, path)];
  });
}
