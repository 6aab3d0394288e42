// The Durable Task Scheduler with one task hub: the other backend of Durable Functions, off by default.
// It takes identities only; with the network, through its private endpoint only.
import { Tags } from 'types.bicep'

// Regions of the scheduler among those of the plan.
// Source: Azure-Samples/durable-functions-quickstart-dotnet-azd, infra/main.bicep of 2026-07-27. Today's:
// az provider show --namespace Microsoft.DurableTask --query "resourceTypes[?resourceType=='schedulers'].locations | [0]"
@export()
@description('Regions that are known to have the scheduler.')
var schedulerRegions = [
  'australiaeast'
  'centralus'
  'eastasia'
  'eastus2'
  'northeurope'
  'southeastasia'
  'swedencentral'
  'uksouth'
  'westus2'
]

@minLength(3)
@maxLength(64)
@description('Name of the scheduler.')
param name string

@description('Region of the scheduler.')
param location string

@description('Tags of the scheduler.')
param tags Tags

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
    // The list is about the public endpoint. It has to be given, and an empty one lets nobody in: that is what a
    // scheduler behind a private endpoint should have. An app of Flex Consumption has no address of its own to list.
    ipAllowlist: publicAccess ? ['0.0.0.0/0'] : []
  }
}

resource taskHub 'Microsoft.DurableTask/schedulers/taskHubs@2026-02-01' = {
  parent: scheduler
  name: taskHubName
}
