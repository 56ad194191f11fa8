import { AppSecretList, AppSecretsWritten } from '../../../schemas/fly/app.ts';
import type { FlyReader, FlyWriter } from '../api.ts';
import type { Call } from '../http/call.ts';
import type { Transport } from '../http/transport.ts';

export function secretReads(transport: Transport): Pick<FlyReader, 'secrets'> {
  return {
    async secrets(app) {
      const call: Call = {
        method: 'GET',
        route: '/apps/{app}/secrets',
        path: { app },
        purpose: 'list the secrets',
        effect: 'read',
      };
      return (await transport.ask(call, AppSecretList)).secrets;
    },
  };
}

export function secretWrites(transport: Transport): Pick<FlyWriter, 'setSecrets'> {
  return {
    async setSecrets(app, values, beforeSent) {
      const revealed = Object.entries(values).map(([name, value]) => [name, value?.reveal() ?? null] as const);
      for (const [, value] of revealed) learn(transport, value);
      const call: Call = {
        method: 'POST',
        route: '/apps/{app}/secrets',
        path: { app },
        body: { values: Object.fromEntries(revealed) },
        purpose: `set the secrets ${revealed.map(([name]) => name).join(', ')}`,
        effect: 'once',
        beforeSent,
      };
      const { version, secrets } = await transport.ask(call, AppSecretsWritten);
      return { version, secrets: secrets ?? [] };
    },
  };
}

/** Fly's words on a refusal may repeat a value, plain or as it stands in the JSON we sent. */
function learn(transport: Transport, value: string | null): void {
  if (value === null) return;
  transport.redactor.learn(value);
  transport.redactor.learn(JSON.stringify(value).slice(1, -1));
}
