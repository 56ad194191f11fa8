/** Of package.json: written here too, so that `--help` reads no file. A test holds the two together. */
export const version = '0.1.0';
