import { expect, test } from 'vitest';
import { makeBareRepository, startGitServer, temporaryFolder } from '../servers/git-server.ts';
import { play } from './transcript.ts';

test('a repo that a project brings in asks for environment variables', { timeout: 60_000 }, async () => {
  const folder = temporaryFolder('flycd-story-git-');
  const partner = makeBareRepository(folder.path, 'partner.git');
  const server = await startGitServer({ root: folder.path });
  const write = (image: string, digest: string) =>
    partner.commit({
      'app.yaml': `app: far
primary_region: arn
build: { image: "docker.io/acme/${image}@sha256:${digest.repeat(64)}" }
machines: { count: 1 }
secrets:
  - { name: TOKEN, type: env, env: FAR_TOKEN }
  - { name: BUCKET_KEY, type: env, env: AWS_SECRET_ACCESS_KEY }
`,
    });
  write('far:1', 'a');
  const project = `project: partner\nsource: { type: git, repo: "${server.url}/partner.git" }\n`;
  const flycd = (allow: string) => `fleet: acme\n${allow}`;
  try {
    const text = await play({
      files: { 'config/flycd.yaml': flycd(''), 'config/project.yaml': project },
      env: { FAR_TOKEN: 'one', AWS_SECRET_ACCESS_KEY: 'two', FLYCD_ALLOW_HOSTS: '127.0.0.1' },
      orderly: true,
      scenes: [
        'diff config',
        {
          says: 'the line of the hold goes into flycd.yaml',
          does: (stage) =>
            stage.write('config/flycd.yaml', flycd('allow_secrets: { partner: [FAR_TOKEN, AWS_SECRET_ACCESS_KEY] }\n')),
        },
        'sync config --once',
        {
          says: 'how names begin is no longer enough for one of them, and the partner has a new image',
          does: (stage) => {
            write('far:2', 'b');
            stage.write('config/flycd.yaml', flycd('allow_secrets: { partner: [FAR_*, AWS_*] }\n'));
          },
        },
        'diff config',
        'sync config --once',
        'status config',
        'why far config',
      ],
    });
    await expect(text.replaceAll(new URL(server.url).port, '<port>')).toMatchFileSnapshot('golden/brought-in.txt');
  } finally {
    await server.close();
    folder.remove();
  }
});
