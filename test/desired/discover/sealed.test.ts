/** An app.yaml that was packed, encrypted or written for another program: nobody can read which app it names. */
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { Mention, Since } from '../../../src/model/removal.ts';
import { appYaml, load } from '../loading.ts';
import { memoryTree } from '../memory-tree.ts';

async function mentioned(name: string, content: string | Uint8Array, since: Since = {}): Promise<Mention | undefined> {
  const files = { 'flycd.yaml': 'fleet: acme\n', 'front/app.yaml': appYaml('front'), [`x/${name}`]: content };
  const fleet = await load({}, { tree: memoryTree(files) });
  return fleet.mentions?.of('lonely', since);
}

const text = appYaml('lonely');
const utf32 = (order: 'LE' | 'BE', mark = '\uFEFF'): Uint8Array => {
  const letters = Array.from(mark + text, (letter) => letter.codePointAt(0) ?? 0);
  const bytes = Buffer.alloc(letters.length * 4);
  for (const [at, code] of letters.entries()) bytes[`writeUInt32${order}`](code, at * 4);
  return bytes;
};
const noise = Buffer.from('8c0d04090302aabbccddeeff00ff', 'hex');

describe('a file called so that little else is', () => {
  it.each<readonly [string, string, string | Uint8Array]>([
    ['gzip', 'app.yaml.gz', gzipSync(text)],
    ['zip', 'app.yaml.zip', Buffer.from('504b0304140000000800', 'hex')],
    ['gpg', 'app.yaml.gpg', noise],
    [
      'gpg in letters',
      'app.yaml.asc',
      '-----BEGIN PGP MESSAGE-----\nVersion: 1\n\nhQEMA5\n-----END PGP MESSAGE-----\n',
    ],
    ['age', 'app.yaml.age', Buffer.concat([Buffer.from('age-encryption.org/v1\n-> X25519 abc\n'), noise])],
    ['git-crypt', 'app.yaml.bak', Buffer.concat([Buffer.from('\0GITCRYPT\0'), noise])],
    ['Ansible', 'app.vault.yaml', '$ANSIBLE_VAULT;1.1;AES256\n6130\n'],
    ['base64', 'app.yaml.b64', `${Buffer.from(text).toString('base64')}\n`],
  ])('cannot be read: %s', async (_what, name, content) => {
    expect(await mentioned(name, content)).toEqual({ file: `x/${name}`, as: 'unread' });
    expect(await mentioned(`data-${name}`, content)).toBeUndefined();
    expect(await mentioned(name, content, { isNew: () => false })).toBeUndefined();
  });

  it.each([
    ['sops', 'app.enc.yaml', 'app: ENC[AES256_GCM,data:abc,iv:x,type:str]\nsops: { age: [] }\n'],
    ['sops of TOML', 'app.enc.toml', 'app = "ENC[AES256_GCM,data:abc]"\n'],
    ['sops of all of it', 'app.yaml.enc', '{ "data": "ENC[AES256_GCM,data:abc]", "sops": {} }\n'],
    ['a template', 'app.yaml.tmpl', 'app: {{ .Name }}\nenv: {}\n'],
    ['a template with other signs', 'app.yaml.erb', 'app: <%= name %>\n<% if x %>\nenv: {}\n'],
    ['a variable', 'app.prod.yaml', 'app: blog-${STAGE}\n'],
    ['a word to be put in', 'app.prod.yaml', 'app: THENAME\n'],
  ])('has no plain name: %s', async (_what, name, content) => {
    expect(await mentioned(name, content)).toEqual({ file: `x/${name}`, as: 'unclear' });
    expect(await mentioned(`data-${name}`, content)).toBeUndefined();
    expect(await mentioned(name, content, { isNew: () => false })).toBeUndefined();
  });

  it.each<readonly [string, string | Uint8Array]>([
    ['UTF-32', utf32('LE')],
    ['UTF-32 of the other order', utf32('BE')],
    ['UTF-32 without its mark', utf32('LE', '')],
    ['UTF-32 of the other order without its mark', utf32('BE', '')],
    ['text with a sign that nobody sees', `# \u0001\n${text}`],
  ])('names its app: %s', async (_what, content) => {
    for (const name of ['app.yaml.bak', 'web.yaml'])
      expect(await mentioned(name, content)).toEqual({ file: `x/${name}`, as: 'put away' });
  });

  it.each([
    ['app-config.yaml', 'app:\n  title: Backstage\n'],
    ['app-config.yaml', 'app: { title: Backstage }\n'],
    ['app.prod.yaml', appYaml('other')],
    ['app.prod.yaml', 'app: Other # as it was\n'],
    ['app.prod.yaml', '# nothing here\n'],
    ['app.prod.yaml', ''],
    ['app-hosts.yaml', '- hosts: all\n- hosts: some\n'],
    ['app.prod.toml', '[build]\nimage="x"\n'],
    ['app.prod.yaml', '{"kind":"Deployment"}\n'],
    ['app-secrets.yaml', 'apiVersion: v1\nkind: Secret\nstringData:\n  password: ENC[AES256_GCM,data:abc]\nsops: {}\n'],
    ['app-ingress.yaml', '{{- if .Values.x }}\nmetadata:\n  name: x\n{{- end }}\n'],
  ])('says nothing of any other: %s %s', async (name, content) => {
    expect(await mentioned(name, content)).toBeUndefined();
  });
});

it('is read in the time that its length takes', async () => {
  for (const long of [' ', '=', '-', '#', 'a', '\0', '"app" '].map((sign) => sign.repeat(900_000 / sign.length))) {
    const began = process.cpuUsage().user;
    await mentioned('app.yaml.bak', `x${long}\n`);
    await mentioned('app.yaml.bak', long);
    expect(process.cpuUsage().user - began).toBeLessThan(1_500_000);
  }
});
