import { expect, it } from 'vitest';
import { appYaml, errorsOf, load } from '../loading.ts';

const secretFrom = (variable: string): string => `secrets:\n  - name: TOKEN\n    type: env\n    env: ${variable}\n`;

it.each(['FLY_API_TOKEN', 'FLY_ACCESS_TOKEN', 'FLY_SSH_PRIVATE_KEY', 'GITHUB_TOKEN', 'FLYCD_EVIDENCE_KEY'])(
  'an app cannot have %s of FlyCD itself by naming it',
  async (variable) => {
    const fleet = await load({ 'app.yaml': appYaml('web', secretFrom(variable)) }, { environment: () => 'canary' });
    expect(errorsOf(fleet)).toStrictEqual([
      `app.yaml:8:10: error: secrets[0].env: ${variable} is a credential of FlyCD itself` +
        " (where FlyCD runs, set a variable of the app's own, such as TOKEN_FOR_APP, and name that)",
    ]);
    expect(fleet.apps).toStrictEqual([]);
  },
);

it('an app may have any other variable', async () => {
  const fleet = await load({ 'app.yaml': appYaml('web', secretFrom('SHOP_TOKEN')) }, { environment: () => 'value' });
  expect(errorsOf(fleet)).toStrictEqual([]);
  expect(fleet.secretValue('web', 'TOKEN')?.reveal()).toBe('value');
});
