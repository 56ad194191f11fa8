/** Files that hold what nobody here can read: packed, encrypted, or in another encoding. */

/** true: what is in it does not show, whatever its letters seem to say. */
export function isSealed(bytes: Uint8Array, text: string): boolean {
  return hasOtherBytes(bytes) || hasControls.test(text) || isArmoured.test(text) || isOneLongWord(text);
}

/** Text has them nowhere, and whatever is packed or encrypted has some among its first bytes. */
// oxlint-disable-next-line no-control-regex -- these are what is looked for
const hasControls = /[\u0001-\u0008\u000E-\u001A\u001C-\u001F]/;

/** PGP and age in letters, age and Ansible by what they begin with. Signatures, certificates and public keys hide nothing. */
const isArmoured =
  /^(?:-----BEGIN (?!PGP SIGNATURE|(?:[A-Z]+ )?PUBLIC KEY|CERTIFICATE)|age-encryption\.org\/|\$ANSIBLE_VAULT;)/;

/** UTF-16 and UTF-32 have a zero in every second byte or more; other text has none. */
function hasOtherBytes(bytes: Uint8Array): boolean {
  let zeros = 0;
  for (const byte of bytes) if (byte === 0) zeros += 1;
  return zeros > 0 && zeros < bytes.length / 4;
}

/** Base64, which has no blanks: a config has some. */
function isOneLongWord(text: string): boolean {
  const word = text.trim();
  return word.length >= 16 && word.split('\n').every((line) => /^[\w+/=-]*\r?$/.test(line));
}
