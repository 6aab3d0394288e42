// The types that modules share: what is passed on is checked where it is passed, not when Azure refuses it.

@export()
@description('Tags of every resource. azd finds what it made by the first.')
type Tags = {
  @description('Name of the azd environment.')
  'azd-env-name': string
}

@export()
@description('A service of the storage account.')
type StorageService = 'blob' | 'queue' | 'table'

@export()
@description('How the app scales, and how an update reaches what is running.')
type Scale = {
  @description('Memory of one instance in MB.')
  instanceMemoryMB: 512 | 2048 | 4096

  @description('The most instances.')
  @minValue(1)
  @maxValue(1000)
  maximumInstanceCount: int

  @description('Always ready instances of the durable group.')
  @minValue(0)
  durableAlwaysReady: int

  @description('Requests that one instance answers at a time; 0 leaves it to the platform.')
  @minValue(0)
  httpConcurrency: int

  @description('Whether instances and storage are spread over availability zones.')
  zoneRedundant: bool

  @description('Whether an update waits for the executions that run, instead of ending them.')
  rollingUpdates: bool
}
