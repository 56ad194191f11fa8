/** What Fly's client asks over GraphQL: the same fields under the same names, most of it without an operation name. */

const releaseOverview = 'id version description reason status imageRef stable user { id email name } createdAt';
const imageVersion = 'registry repository tag version digest';

export const appCompact = `query ($appName: String!) { appcompact: app(name: $appName) {
  id internalNumericId name hostname cnameTarget deployed network status appUrl platformVersion
  organization { id internalNumericId slug paidPlan } postgresAppRole: role { name } } }`;

export const appBasic = `query ($appName: String!) { appbasic: app(name: $appName) {
  id name platformVersion organization { id internalNumericId slug rawSlug paidPlan } } }`;

export const appInFull = `query ($appName: String!) { app(name: $appName) {
  id internalNumericId name hostname deployed status version appUrl platformVersion
  currentRelease { evaluationId status inProgress version }
  config { definition }
  organization { id slug paidPlan }
  services { description protocol internalPort ports { port handlers } }
  ipAddresses { nodes { id address type createdAt } }
  sharedIpAddress cnameTarget
  imageDetails { ${imageVersion} }
  machines { nodes { id name config state region createdAt app { name }
    ips { nodes { family kind ip maskSize } } host { id } } }
  postgresAppRole: role { name } } }`;

export const appsPage = `query ($org: ID, $after: String) {
  apps(type: "container", first: 200, after: $after, organizationId: $org) {
    pageInfo { hasNextPage endCursor }
    nodes { id name deployed hostname platformVersion network organization { slug name }
      currentRelease { createdAt status } status } } }`;

export const organizations = `query ($admin: Boolean!) { organizations(admin: $admin) {
  nodes { id slug rawSlug name type paidPlan billable viewerRole internalNumericId } } }`;

export const organizationBySlug = `query ($slug: String!) { organization(slug: $slug) {
  id internalNumericId slug rawSlug name type billable } }`;

export const organizationDetails = `query ($slug: String!) { organizationdetails: organization(slug: $slug) {
  id slug rawSlug name type viewerRole internalNumericId remoteBuilderImage remoteBuilderApp { name }
  members { edges { cursor node { id name email } joinedAt role } } } }`;

export const organizationAddOns = `query ListOrganizationAddOns($orgSlug: String!, $addOnType: AddOnType) {
  organization(slug: $orgSlug) { addOns(type: $addOnType) { nodes {
    id name addOnPlan { displayName description } privateIp primaryRegion readRegions options metadata } } } }`;

export const resolveImage = `query ($appName: String!, $imageRef: String!) { app(name: $appName) {
  id image(ref: $imageRef) { id digest ref compressedSize: compressedSizeFull manifest } } }`;

export const latestImage = `query LatestImage($appName: String!) { app(name: $appName) {
  currentReleaseUnprocessed { id version imageRef } } }`;

export const latestImageDetails = `query ($image: String!, $flyVersion: String) {
  latestImageDetails(image: $image, flyVersion: $flyVersion) { ${imageVersion} } }`;

export const currentConfig = `query FlyctlConfigCurrentRelease($appName: String!) { app(name: $appName) {
  currentReleaseUnprocessed { configDefinition } } }`;

export const currentVersion = `query ($appName: String!) { app(name: $appName) {
  currentRelease: currentReleaseUnprocessed { version } } }`;

export const releases = `query ($appName: String!, $limit: Int!) { app(name: $appName) {
  releases: releasesUnprocessed(first: $limit) { nodes { ${releaseOverview} } } } }`;

export const createRelease = `mutation CreateRelease($input: CreateReleaseInput!) {
  createRelease(input: $input) { release { id version } } }`;

export const updateRelease = `mutation UpdateRelease($input: UpdateReleaseInput!) {
  updateRelease(input: $input) { release { id } } }`;

export const bluegreenAllowed = 'query ($appName: String!) { canPerformBluegreenDeployment(name: $appName) }';

export const addresses = `query ($appName: String!) { app(name: $appName) {
  ipAddresses { nodes { id address type region createdAt network { name organization { slug } } serviceName } }
  sharedIpAddress } }`;

export const egressAddresses = `query ($appName: String!) { app(name: $appName) {
  egressIpAddresses { nodes { id ip version region updatedAt } } } }`;

export const allocateAddress = `mutation ($input: AllocateIPAddressInput!) { allocateIpAddress(input: $input) {
  ipAddress { id address type region createdAt } } }`;

export const allocateShared = `mutation ($input: AllocateIPAddressInput!) { allocateIpAddress(input: $input) {
  app { sharedIpAddress } } }`;

export const releaseAddress = `mutation ($input: ReleaseIPAddressInput!) { releaseIpAddress(input: $input) {
  clientMutationId } }`;

export const createToken = `mutation CreateLimitedAccessToken($name: String!, $organizationId: ID!, $profile: String!,
  $profileParams: JSON, $expiry: String!) { createLimitedAccessToken(input: { name: $name,
  organizationId: $organizationId, profile: $profile, profileParams: $profileParams, expiry: $expiry }) {
    limitedAccessToken { tokenHeader } } }`;

export const organizationTokens = `query ($slug: String!) { orgLimitedAccessTokens: organization(slug: $slug) {
  limitedAccessTokens { nodes { id name expiresAt revokedAt user { email } } } } }`;

export const appTokens = `query ($appName: String!) { appLimitedAccessTokens: app(name: $appName) {
  limitedAccessTokens { nodes { id name token expiresAt revokedAt user { email } } } } }`;

export const revokeToken = `mutation ($input: DeleteLimitedAccessTokenInput!) {
  deleteLimitedAccessToken(input: $input) { token } }`;

export const viewer = `query { viewer { ... on User { id email enablePaidHobby } ... on Macaroon { email } } }`;

export const hostIssues = `query ($appName: String!) { apphostissues: app(name: $appName) {
  hostIssues { nodes { internalId message createdAt updatedAt } } } }`;

export const platformRegions = `query { platform { requestRegion regions {
  name code latitude longitude gatewayAvailable requiresPaidPlan deprecated } } }`;

export const nearestRegion = 'query { nearestRegion { code name gatewayAvailable deprecated } }';

export const volumeApp = `query ($id: ID!) { volume: volume(id: $id) { ... on Volume { app { name } state } } }`;

export const volumeSnapshots = `query ($id: ID!) { volume: volume(id: $id) { ... on Volume {
  snapshots { nodes { id size digest createdAt retentionDays } } } } }`;

export const machineApp = `query ($machineId: String!) { gqlmachine: machine(machineId: $machineId) {
  id name app { name organization { id slug } } } }`;

export const moveApp = `mutation ($input: MoveAppInput!) { moveApp(input: $input) {
  app { id networkId organization { slug } } } }`;

export const lockApp = 'mutation ($input: LockAppInput!) { lockApp(input: $input) { lockId expiration } }';
export const unlockApp = 'mutation ($input: UnlockAppInput!) { unlockApp(input: $input) { app { name } } }';
export const currentLock = 'query ($name: String!) { app(name: $name) { currentLock { lockId expiration } } }';
export const pauseApp = 'mutation ($input: PauseAppInput!) { pauseApp(input: $input) { app { name status } } }';
export const resumeApp = 'mutation ($input: ResumeAppInput!) { resumeApp(input: $input) { app { name status } } }';

const secretsRelease = 'release { id version reason description user { id email name } evaluationId createdAt }';
export const setSecrets = `mutation ($input: SetSecretsInput!) { setSecrets(input: $input) { ${secretsRelease} } }`;
export const unsetSecrets = `mutation ($input: UnsetSecretsInput!) {
  unsetSecrets(input: $input) { ${secretsRelease} } }`;
