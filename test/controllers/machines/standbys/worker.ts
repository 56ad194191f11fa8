/** An app that serves nobody: one machine, and a standby for it. */
export const worker = (color = 'red'): Record<string, string> => ({
  'flycd.yaml': 'fleet: standbys\n',
  'shop/app.yaml': `app: shop
primary_region: arn
build:
  image: docker.io/library/busybox:1
env:
  COLOR: ${color}
`,
});
