// The Durable Task Scheduler with one task hub: the other backend of Durable Functions, off by default.
// It takes identities only; with the network, through its private endpoint only.

@minLength(3)
@maxLength(64)
@description('Name of the scheduler.')
param name string

@description('Region of the scheduler; not every region has it.')
param location string

@description('Tags of the scheduler.')
param tags object

@minLength(3)
@maxLength(64)
@description('Name of the task hub.')
param taskHubName string

@description('Answer on the public endpoint (identities only). False needs a private endpoint.')
param publicAccess bool

resource scheduler 'Microsoft.DurableTask/schedulers@2026-02-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    sku: { name: 'Consumption' }
    publicNetworkAccess: publicAccess ? 'Enabled' : 'Disabled'
    ipAllowlist: publicAccess ? ['0.0.0.0/0'] : []
  }
}

resource taskHub 'Microsoft.DurableTask/schedulers/taskHubs@2026-02-01' = {
  parent: scheduler
  name: taskHubName
}

@description('Address of the scheduler.')
output endpoint string = scheduler.properties.endpoint

@description('Name of the task hub, given back so that the app waits for it.')
output taskHubName string = taskHub.name
