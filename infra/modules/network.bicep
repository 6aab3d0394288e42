// The private network: a subnet that the app sends from, a subnet with one private endpoint for every service that
// the app uses, and for each the zone that resolves the service's public name to that endpoint.
// A service that lacks one of the four (endpoint, zone, link, group) is a service that the app cannot reach.

@description('Name of the virtual network.')
param name string

@description('Region of the network.')
param location string

@description('Tags of everything in it.')
param tags object

@description('Storage account that the app reaches through the endpoints.')
param storageAccountName string

@description('Services of the account that get an endpoint.')
param storageServices array

@description('Name of the scheduler; not used unless schedulerEnabled.')
param schedulerName string

@description('Whether there is a scheduler, which then gets an endpoint too.')
param schedulerEnabled bool

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: storageAccountName
}

resource scheduler 'Microsoft.DurableTask/schedulers@2026-02-01' existing = {
  name: schedulerName
}

var storageTargets = [for service in storageServices: {
  name: '${storageAccountName}-${service}'
  resourceId: account.id
  groupId: service
  zone: 'privatelink.${service}.${environment().suffixes.storage}'
}]
var schedulerTarget = {
  name: schedulerName
  resourceId: scheduler.id
  groupId: 'scheduler'
  zone: 'privatelink.durabletask.io'
}
var targets = concat(storageTargets, schedulerEnabled ? [schedulerTarget] : [])

// API versions from 2025-07-01 on make subnets private (no way out) unless told otherwise. The app has to reach the
// pages that it reads, so do not raise the version without deciding that.
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
}

resource zones 'Microsoft.Network/privateDnsZones@2024-06-01' = [for target in targets: {
  name: target.zone
  location: 'global'
  tags: tags
}]

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [for (target, i) in targets: {
  parent: zones[i]
  name: '${name}-${target.groupId}'
  location: 'global'
  tags: tags
  properties: {
    registrationEnabled: false
    virtualNetwork: { id: vnet.id }
  }
}]

resource endpoints 'Microsoft.Network/privateEndpoints@2025-05-01' = [for target in targets: {
  name: 'pep-${target.name}'
  location: location
  tags: tags
  properties: {
    subnet: { id: '${vnet.id}/subnets/private-endpoints' }
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
}]

resource groups 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2025-05-01' = [for (target, i) in targets: {
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
}]

@description('Subnet that the app sends from.')
output appSubnetId string = '${vnet.id}/subnets/app'
