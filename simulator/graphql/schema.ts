import { appTypes } from './schema-app.ts';
import { organizationTypes } from './schema-organization.ts';

const rootTypes = /* GraphQL */ `
  schema {
    query: Queries
    mutation: Mutations
  }

  scalar BigInt
  scalar ISO8601DateTime
  scalar JSON

  type Queries {
    app(name: String): App
    appNameAvailable(name: String!): Boolean!
    apps(after: String, first: Int, organizationId: ID, role: String, type: String): AppConnection!
    canPerformBluegreenDeployment(name: String!): Boolean!
    latestImageDetails(flyVersion: String, image: String!): ImageVersion!
    machine(machineId: String!): Machine!
    nearestRegion(wireguardGateway: Boolean): Region!
    organization(id: ID, slug: String): Organization
    organizations(admin: Boolean, after: String, first: Int): OrganizationConnection!
    personalOrganization: Organization!
    platform: FlyPlatform!
    viewer: Principal!
    volume(id: ID!): Volume
  }

  type Mutations {
    allocateIpAddress(input: AllocateIPAddressInput!): AllocateIPAddressPayload
    createLimitedAccessToken(input: CreateLimitedAccessTokenInput!): CreateLimitedAccessTokenPayload
    createRelease(input: CreateReleaseInput!): CreateReleasePayload
    deleteLimitedAccessToken(input: DeleteLimitedAccessTokenInput!): DeleteLimitedAccessTokenPayload
    lockApp(input: LockAppInput!): LockAppPayload
    moveApp(input: MoveAppInput!): MoveAppPayload
    pauseApp(input: PauseAppInput!): PauseAppPayload
    releaseIpAddress(input: ReleaseIPAddressInput!): ReleaseIPAddressPayload
    resumeApp(input: ResumeAppInput!): ResumeAppPayload
    setSecrets(input: SetSecretsInput!): SetSecretsPayload
    unlockApp(input: UnlockAppInput!): UnlockAppPayload
    unsetSecrets(input: UnsetSecretsInput!): UnsetSecretsPayload
    updateRelease(input: UpdateReleaseInput!): UpdateReleasePayload
  }

  type PageInfo {
    endCursor: String
    hasNextPage: Boolean!
    hasPreviousPage: Boolean!
    startCursor: String
  }
`;

const operationTypes = /* GraphQL */ `
  input AllocateIPAddressInput {
    appId: ID!
    clientMutationId: String
    network: String
    organizationId: ID
    region: String
    serviceName: String
    type: IPAddressType!
  }

  type AllocateIPAddressPayload {
    app: App!
    clientMutationId: String
    ipAddress: IPAddress
  }

  input ReleaseIPAddressInput {
    appId: ID
    clientMutationId: String
    ip: String
    ipAddressId: ID
  }

  type ReleaseIPAddressPayload {
    app: App!
    clientMutationId: String
  }

  input CreateReleaseInput {
    appId: ID!
    buildId: ID
    clientMutationId: String
    definition: JSON!
    image: String!
    platformVersion: String!
    strategy: DeploymentStrategy!
  }

  type CreateReleasePayload {
    app: App!
    clientMutationId: String
    release: Release
  }

  input UpdateReleaseInput {
    clientMutationId: String
    metadata: JSON
    releaseId: ID!
    status: String
  }

  type UpdateReleasePayload {
    clientMutationId: String
    release: Release!
  }

  input SecretInput {
    key: String!
    value: String!
  }

  input SetSecretsInput {
    appId: ID!
    clientMutationId: String
    replaceAll: Boolean
    secrets: [SecretInput!]!
  }

  type SetSecretsPayload {
    app: App!
    clientMutationId: String
    release: Release
  }

  input UnsetSecretsInput {
    appId: ID!
    clientMutationId: String
    keys: [String!]!
  }

  type UnsetSecretsPayload {
    app: App!
    clientMutationId: String
    release: Release
  }

  input MoveAppInput {
    appId: ID!
    clientMutationId: String
    organizationId: ID!
  }

  type MoveAppPayload {
    app: App!
    clientMutationId: String
  }

  input PauseAppInput {
    appId: ID!
    clientMutationId: String
  }

  type PauseAppPayload {
    app: App!
    clientMutationId: String
  }

  input ResumeAppInput {
    appId: ID!
    clientMutationId: String
  }

  type ResumeAppPayload {
    app: App!
    clientMutationId: String
  }

  input LockAppInput {
    appId: ID!
    clientMutationId: String
  }

  type LockAppPayload {
    clientMutationId: String
    expiration: ISO8601DateTime
    lockId: ID
  }

  input UnlockAppInput {
    appId: ID!
    clientMutationId: String
    lockId: ID!
  }

  type UnlockAppPayload {
    app: App!
    clientMutationId: String
  }

  input CreateLimitedAccessTokenInput {
    clientMutationId: String
    expiry: String
    name: String!
    organizationId: ID!
    profile: String!
    profileParams: JSON
  }

  type CreateLimitedAccessTokenPayload {
    clientMutationId: String
    limitedAccessToken: LimitedAccessToken!
  }

  input DeleteLimitedAccessTokenInput {
    clientMutationId: String
    id: ID
    token: String
  }

  type DeleteLimitedAccessTokenPayload {
    clientMutationId: String
    token: String
  }
`;

/** Types that are listed in pages. */
const listedTypes = [
  'App',
  'Release',
  'ReleaseUnprocessed',
  'IPAddress',
  'EgressIPAddress',
  'Issue',
  'Machine',
  'MachineIP',
  'Volume',
  'VolumeSnapshot',
  'Organization',
  'AddOn',
  'LimitedAccessToken',
];

const connectionType = (name: string): string => `
  type ${name}Connection {
    nodes: [${name}]
    pageInfo: PageInfo!
    totalCount: Int!
  }
`;

/**
 * What of Fly's GraphQL the simulator answers: what Fly's own client asks, in the same words. Every name and type here
 * is Fly's as well; a test compares the two where Fly's schema is at hand.
 */
export const schemaText = [
  rootTypes,
  appTypes,
  organizationTypes,
  operationTypes,
  ...listedTypes.map(connectionType),
].join('');
