/** Each does what the same call of the REST API does, with that call's own function. */
import { allocateAddress, releaseAddress } from '../api/addresses.ts';
import { moveApp, pauseApp, resumeApp } from '../api/apps.ts';
import type { RequestContext } from '../http/request-context.ts';
import { addressId, appVisible } from './app.ts';
import type { Fields } from './fields.ts';
import { lockApp, unlockApp } from './app-locks.ts';
import { organizationById } from '../web/organizations.ts';
import type { App, Release } from '../world/records.ts';
import { createRelease, releaseOf, updateRelease } from '../web/releases.ts';
import { refusal, timestamp } from '../wire/replies.ts';
import { writeSecrets } from '../api/secrets.ts';
import { makeToken, revokeToken, type WantedToken } from '../api/tokens.ts';

interface Input<T> {
  readonly input: T & { readonly clientMutationId?: string | null };
}

/** An app's name or id. */
interface OfApp {
  readonly appId: string;
}

interface AllocateInput extends OfApp {
  readonly type: string;
  readonly region?: string | null;
  readonly serviceName?: string | null;
  readonly organizationId?: string | null;
  readonly network?: string | null;
}

interface ReleaseAddressInput {
  readonly appId?: string | null;
  readonly ip?: string | null;
  readonly ipAddressId?: string | null;
}

interface CreateReleaseInput extends OfApp {
  readonly definition: unknown;
  readonly image: string;
  readonly strategy: string;
}

interface UpdateReleaseInput {
  readonly releaseId: string;
  readonly status?: string | null;
  readonly metadata?: unknown;
}

interface SetSecretsInput extends OfApp {
  readonly secrets: readonly { readonly key: string; readonly value: string }[];
  readonly replaceAll?: boolean | null;
}

/** Every payload gives back what the client called its request. */
const payload = <T extends object>({ input }: Input<unknown>, fields: T) => ({
  clientMutationId: input.clientMutationId ?? null,
  ...fields,
});

const addressMutations: Fields<unknown> = {
  allocateIpAddress: (_root, args: Input<AllocateInput>, call) => {
    const { appId, type, region, serviceName, organizationId, network } = args.input;
    const app = appVisible(call, appId);
    const ipAddress = allocateAddress(call, app, {
      type,
      region: region ?? undefined,
      serviceName: serviceName ?? undefined,
      organization: organizationId ? organizationById(call, organizationId).slug : undefined,
      network: network ?? undefined,
    });
    return payload(args, { app, ipAddress });
  },
  releaseIpAddress: (_root, args: Input<ReleaseAddressInput>, call) => {
    const { appId, ip, ipAddressId } = args.input;
    const app = appVisible(call, appId ?? '');
    const named = [...app.addresses.values()].find((address) => addressId(call, address) === ipAddressId);
    releaseAddress(app, ip ?? named?.ip ?? '');
    return payload(args, { app });
  },
};

const releaseMutations: Fields<unknown> = {
  createRelease: (_root, args: Input<CreateReleaseInput>, call) => {
    const { appId, definition, image, strategy } = args.input;
    const app = appVisible(call, appId);
    return payload(args, { app, release: createRelease(call, app, { definition, image, strategy }) });
  },
  updateRelease: (_root, args: Input<UpdateReleaseInput>, call) => {
    const { releaseId, status, metadata } = args.input;
    const release = releaseOf(call, releaseId);
    updateRelease(call, release, { status: status ?? undefined, metadata });
    return payload(args, { release });
  },
};

const secretMutations: Fields<unknown> = {
  setSecrets: (_root, args: Input<SetSecretsInput>, call) => {
    const { appId, secrets, replaceAll } = args.input;
    const app = appVisible(call, appId);
    const dropped = replaceAll === true ? [...app.secrets.byName.keys()] : [];
    writeSecrets(call, app, {
      ...Object.fromEntries(dropped.map((name) => [name, null])),
      ...Object.fromEntries(secrets.map(({ key, value }) => [key, value])),
    });
    return payload(args, { app, release: releaseOfSecrets(call, app) });
  },
  unsetSecrets: (_root, args: Input<OfApp & { readonly keys: readonly string[] }>, call) => {
    const app = appVisible(call, args.input.appId);
    writeSecrets(call, app, Object.fromEntries(args.input.keys.map((name) => [name, null])));
    return payload(args, { app, release: releaseOfSecrets(call, app) });
  },
};

/** Secrets set this way are written down as a release of what is deployed; an app that never was has none. */
function releaseOfSecrets(call: RequestContext, app: App): Release | null {
  const [current] = app.releases;
  if (current === undefined) return null;
  const { definition, image, strategy } = current;
  return createRelease(call, app, { definition, image, strategy, description: 'Secrets updated' });
}

const appMutations: Fields<unknown> = {
  moveApp: (_root, args: Input<OfApp & { readonly organizationId: string }>, call) => {
    const app = appVisible(call, args.input.appId);
    moveApp(app, organizationById(call, args.input.organizationId));
    return payload(args, { app });
  },
  pauseApp: (_root, args: Input<OfApp>, call) => {
    const app = appVisible(call, args.input.appId);
    pauseApp(call.world, app);
    return payload(args, { app });
  },
  resumeApp: (_root, args: Input<OfApp>, call) => {
    const app = appVisible(call, args.input.appId);
    resumeApp(call.world, app);
    return payload(args, { app });
  },
  lockApp: (_root, args: Input<OfApp>, call) => {
    const lock = lockApp(call.world, appVisible(call, args.input.appId));
    return payload(args, { lockId: lock.id, expiration: timestamp(lock.expiresAt) });
  },
  unlockApp: (_root, args: Input<OfApp & { readonly lockId: string }>, call) => {
    const app = appVisible(call, args.input.appId);
    unlockApp(call.world, app, args.input.lockId);
    return payload(args, { app });
  },
};

interface CreateTokenInput extends Omit<WantedToken, 'organization'> {
  readonly organizationId: string;
}

const tokenMutations: Fields<unknown> = {
  createLimitedAccessToken: (_root, args: Input<CreateTokenInput>, call) => {
    const organization = organizationById(call, args.input.organizationId);
    return payload(args, { limitedAccessToken: makeToken(call, { ...args.input, organization }) });
  },
  deleteLimitedAccessToken: (_root, args: Input<{ id?: string | null; token?: string | null }>, call) => {
    const { id, token } = args.input;
    if (!id && !token) throw refusal(422, 'id or token is required');
    return payload(args, { token: revokeToken(call, id ?? undefined, token ?? undefined).token });
  },
};

export const mutationFields: Fields<unknown> = {
  ...addressMutations,
  ...releaseMutations,
  ...secretMutations,
  ...appMutations,
  ...tokenMutations,
};
