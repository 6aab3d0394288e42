// The private network: a subnet that the app sends from, a subnet with one private endpoint for every service that
// the app uses, and for each the zone that resolves the service's public name to that endpoint.
// A service that lacks one of the four (endpoint, zone, link, group) is a service that the app cannot reach.
import { StorageService, Tags } from 'types.bicep'

@description('Name of the virtual network.')
param name string

@description('Region of the network.')
param location string

@description('Tags of everything in it.')
param tags Tags

@description('Storage account that the app reaches through the endpoints.')
param storageAccountName string

@description('Services of the account that get an endpoint.')
param storageServices StorageService[]

@description('Scheduler that gets an endpoint too. Empty: there is none.')
param schedulerName string

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: storageAccountName
}

resource scheduler 'Microsoft.DurableTask/schedulers@2026-02-01' existing = if (!empty(schedulerName)) {
  name: schedulerName
}

var storageTargets = [
  for service in storageServices: {
    name: '${storageAccountName}-${service}'
    resourceId: account.id
    groupId: service
    zone: 'privatelink.${service}.${environment().suffixes.storage}'
  }
]
// The scheduler is offered in Azure's public cloud only, where its zone has this name.
var schedulerTargets = empty(schedulerName)
  ? []
  : [
      {
        name: schedulerName
        resourceId: scheduler.id
        groupId: 'scheduler'
        zone: 'privatelink.durabletask.io'
      }
    ]
var targets = concat(storageTargets, schedulerTargets)

resource vnet 'Microsoft.Network/virtualNetworks@2025-05-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    addressSpace: { addressPrefixes: ['10.0.0.0/24'] }
    subnets: [
      {
        // Flex Consumption wants the subnet for itself; a /27 carries up to 1,000 instances of one app.
        name: 'app'
        properties: {
          addressPrefix: '10.0.0.0/27'
          // Said, because newer API versions make a subnet private unless told otherwise, and the app has to reach the
          // pages that it reads. infra/README.md tells how to send through a NAT gateway, with an address of your own.
          defaultOutboundAccess: true
          delegations: [
            {
              name: 'flex-consumption'
              properties: { serviceName: 'Microsoft.App/environments' }
            }
          ]
        }
      }
      {
        name: 'private-endpoints'
        properties: {
          addressPrefix: '10.0.0.32/27'
          defaultOutboundAccess: false
          privateEndpointNetworkPolicies: 'Disabled'
        }
      }
    ]
  }

  resource endpointSubnet 'subnets' existing = { name: 'private-endpoints' }
}

resource zones 'Microsoft.Network/privateDnsZones@2024-06-01' = [
  for target in targets: {
    name: target.zone
    location: 'global'
    tags: tags
  }
]

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [
  for (target, i) in targets: {
    parent: zones[i]
    name: '${name}-${target.groupId}'
    location: 'global'
    tags: tags
    properties: {
      registrationEnabled: false
      virtualNetwork: { id: vnet.id }
    }
  }
]

resource endpoints 'Microsoft.Network/privateEndpoints@2025-05-01' = [
  for target in targets: {
    name: 'pep-${target.name}'
    location: location
    tags: tags
    properties: {
      subnet: { id: vnet::endpointSubnet.id }
      privateLinkServiceConnections: [
        {
          name: target.groupId
          properties: {
            privateLinkServiceId: target.resourceId
            groupIds: [target.groupId]
          }
        }
      ]
    }
  }
]

resource groups 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2025-05-01' = [
  for (target, i) in targets: {
    parent: endpoints[i]
    name: 'default'
    properties: {
      privateDnsZoneConfigs: [
        {
          name: target.groupId
          properties: { privateDnsZoneId: zones[i].id }
        }
      ]
    }
  }
]
