/** An app and what belongs to it. */
export const appTypes = /* GraphQL */ `
  type App {
    addOns(after: String, first: Int, type: AddOnType): AddOnConnection!
    appUrl: String
    cnameTarget: String
    config: AppConfig!
    createdAt: ISO8601DateTime!
    currentLock: AppLock
    currentRelease: Release
    currentReleaseUnprocessed: ReleaseUnprocessed
    deployed: Boolean!
    egressIpAddresses(after: String, first: Int): EgressIPAddressConnection!
    hostIssues(after: String, first: Int): IssueConnection
    hostname: String
    id: ID!
    image(ref: String!): Image
    imageDetails: ImageVersion
    internalId: String!
    internalNumericId: Int!
    ipAddresses(after: String, first: Int): IPAddressConnection!
    limitedAccessTokens(after: String, first: Int): LimitedAccessTokenConnection!
    machine(id: String!): Machine
    machines(after: String, first: Int): MachineConnection!
    name: String!
    network: String
    networkId: Int
    organization: Organization!
    platformVersion: PlatformVersionEnum
    release(id: ID, version: Int): Release
    releases(after: String, first: Int): ReleaseConnection!
    releasesUnprocessed(after: String, first: Int, status: String): ReleaseUnprocessedConnection!
    role: AppRole
    secrets: [Secret!]!
    services: [Service!]!
    sharedIpAddress: String
    state: AppState!
    status: String!
    version: Int!
    volumes(after: String, first: Int): VolumeConnection!
  }

  enum AppState {
    DEPLOYED
    PENDING
    SUSPENDED
  }

  enum PlatformVersionEnum {
    machines
  }

  interface AppRole {
    name: String!
  }

  type EmptyAppRole implements AppRole {
    name: String!
  }

  type PostgresClusterAppRole implements AppRole {
    name: String!
  }

  type RemoteDockerBuilderAppRole implements AppRole {
    name: String!
  }

  type AppConfig {
    definition: JSON!
    errors: [String!]!
    valid: Boolean!
  }

  type AppLock {
    expiration: ISO8601DateTime!
    lockId: ID!
  }

  type Service {
    description: String!
    internalPort: Int!
    ports: [ServicePort!]!
    protocol: ServiceProtocolType!
  }

  enum ServiceProtocolType {
    TCP
    UDP
  }

  type ServicePort {
    endPort: Int
    handlers: [ServiceHandlerType!]!
    port: Int
    startPort: Int
  }

  enum ServiceHandlerType {
    EDGE_HTTP
    HTTP
    PG_TLS
    PROXY_PROTO
    TLS
  }

  type Secret {
    createdAt: ISO8601DateTime!
    digest: String!
    id: ID!
    name: String!
  }

  enum DeploymentStrategy {
    BLUEGREEN
    CANARY
    IMMEDIATE
    ROLLING
    ROLLING_ONE
    SIMPLE
  }

  type Release {
    config: AppConfig
    createdAt: ISO8601DateTime!
    deploymentStrategy: DeploymentStrategy!
    description: String!
    evaluationId: String
    id: ID!
    image: Image
    imageRef: String
    inProgress: Boolean!
    metadata: JSON
    reason: String!
    stable: Boolean!
    status: String!
    updatedAt: ISO8601DateTime!
    user: User
    version: Int!
  }

  type ReleaseUnprocessed {
    configDefinition: JSON
    createdAt: ISO8601DateTime!
    deploymentStrategy: DeploymentStrategy!
    description: String!
    evaluationId: String
    id: ID!
    image: Image
    imageRef: String
    inProgress: Boolean!
    reason: String!
    stable: Boolean!
    status: String!
    updatedAt: ISO8601DateTime!
    user: User
    version: Int!
  }

  type Image {
    absoluteRef: String!
    compressedSizeFull: BigInt!
    digest: String!
    id: ID!
    manifest: JSON!
    ref: String!
    registry: String!
    repository: String!
    tag: String
  }

  type ImageVersion {
    digest: String!
    registry: String!
    repository: String!
    tag: String!
    version: String
  }

  enum IPAddressType {
    private_v6
    shared_v4
    v4
    v6
  }

  type IPAddress {
    address: String!
    createdAt: ISO8601DateTime!
    id: ID!
    network: Network
    region: String
    serviceName: String
    type: IPAddressType!
  }

  type Network {
    name: String!
    organization: Organization!
  }

  type EgressIPAddress {
    id: ID!
    ip: String!
    region: String!
    updatedAt: ISO8601DateTime!
    version: Int!
  }

  type Issue {
    createdAt: ISO8601DateTime!
    id: ID!
    internalId: String!
    message: String
    updatedAt: ISO8601DateTime!
  }

  type Machine {
    app: App!
    config: JSON!
    createdAt: ISO8601DateTime!
    host: Host!
    id: ID!
    instanceId: String!
    ips(after: String, first: Int): MachineIPConnection!
    name: String!
    region: String!
    state: String!
    updatedAt: ISO8601DateTime!
  }

  type Host {
    id: ID!
  }

  type MachineIP {
    family: String!
    id: ID!
    ip: String!
    kind: String!
    maskSize: Int!
  }

  type Volume {
    app: App!
    attachedMachine: Machine
    createdAt: ISO8601DateTime!
    encrypted: Boolean!
    host: Host!
    id: ID!
    internalId: String!
    name: String!
    region: String!
    sizeGb: Int!
    snapshotRetentionDays: Int
    snapshots(after: String, first: Int): VolumeSnapshotConnection!
    state: String!
  }

  type VolumeSnapshot {
    createdAt: ISO8601DateTime!
    digest: String!
    id: ID!
    retentionDays: Int
    size: BigInt!
  }
`;
