// What `azd up` creates: one resource group with a Flex Consumption function app, the storage account
// that holds its task hub, one identity, monitoring and, unless switched off, a private network.
// Order: identity, monitoring, storage (and scheduler) -> roles, network -> function app.
// Nothing here has a key: every connection is made with the identity.
targetScope = 'subscription'

@minLength(1)
@maxLength(64)
@description('Name of the azd environment. It names the resource group; every other name is made from its hash.')
param environmentName string

@minLength(1)
@description('Region of every resource. `az functionapp list-flexconsumption-locations` lists the regions of the plan.')
@metadata({ azd: { type: 'location' } })
param location string

@allowed(['3.11', '3.12', '3.13', '3.14'])
@description('Python version of the function app.')
param pythonVersion string = '3.12'

@allowed([512, 2048, 4096])
@description('Memory of one instance in MB: 0.25, 1 or 2 cores.')
param instanceMemoryMB int = 2048

@minValue(1)
@maxValue(1000)
@description('The most instances that the app may grow to.')
param maximumInstanceCount int = 100

@minValue(0)
@maxValue(1000)
@description('Always ready instances of the durable group, which are always billed. 0 lets the app scale to nothing.')
param durableAlwaysReady int = 0

@description('Hosts whose pages the app may read, separated by commas.')
param titleHosts string = 'learn.microsoft.com'

@description('Put the app in a virtual network, and its storage behind private endpoints.')
param vnetEnabled bool = true

@description('Send the logs of the app and the reads, writes and deletes of its storage to Log Analytics.')
param diagnosticsEnabled bool = false

@minValue(1)
@maxValue(1000)
@description('The most gigabytes a day that Log Analytics takes in before it stops until the next day.')
param logDailyQuotaGb int = 1

@description('Keep the task hub in the Durable Task Scheduler instead of the storage account. Needs another host.json.')
param durableTaskSchedulerEnabled bool = false

@description('Object id of a person, group or service principal that may read the task hub in storage. Empty: nobody.')
param principalId string = ''

@allowed(['User', 'Group', 'ServicePrincipal'])
@description('What principalId is.')
param principalType string = 'User'

// A resource group's name may not end with a period, an environment's name may; and Azure does not tell upper from lower
// case where azd does. Every other name is made from a hash, so that it is legal whatever azd accepts as a name.
var lowerName = toLower(environmentName)
var token = uniqueString(subscription().id, lowerName, location)
var groupSuffix = endsWith(lowerName, '.') ? '-${token}' : ''
var tags = { 'azd-env-name': environmentName }
var schedulerName = 'dts-${token}'

// With the scheduler, Durable Functions needs no queue; the host still keeps keys in blobs and events in tables.
var storageServices = durableTaskSchedulerEnabled ? ['blob', 'table'] : ['blob', 'queue', 'table']

resource rg 'Microsoft.Resources/resourceGroups@2024-11-01' = {
  name: 'rg-${lowerName}${groupSuffix}'
  location: location
  tags: tags
}

module identity 'modules/identity.bicep' = {
  name: 'identity'
  scope: rg
  params: {
    name: 'id-${token}'
    location: location
    tags: tags
  }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  scope: rg
  params: {
    workspaceName: 'log-${token}'
    appInsightsName: 'appi-${token}'
    location: location
    tags: tags
    dailyQuotaGb: logDailyQuotaGb
  }
}

module storage 'modules/storage.bicep' = {
  name: 'storage'
  scope: rg
  params: {
    name: 'st${token}'
    location: location
    tags: tags
    deploymentContainerName: 'app-package'
    publicAccess: !vnetEnabled
  }
}

module scheduler 'modules/scheduler.bicep' = if (durableTaskSchedulerEnabled) {
  name: 'scheduler'
  scope: rg
  params: {
    name: schedulerName
    location: location
    tags: tags
    taskHubName: 'TitlesHub'
    publicAccess: !vnetEnabled
  }
}

module roles 'modules/roles.bicep' = {
  name: 'roles'
  scope: rg
  params: {
    appPrincipalId: identity.outputs.principalId
    storageAccountName: storage.outputs.name
    storageServices: storageServices
    appInsightsName: monitoring.outputs.appInsightsName
    schedulerName: schedulerName
    schedulerEnabled: durableTaskSchedulerEnabled
    readerPrincipalId: principalId
    readerPrincipalType: principalType
  }
  dependsOn: [scheduler]
}

module network 'modules/network.bicep' = if (vnetEnabled) {
  name: 'network'
  scope: rg
  params: {
    name: 'vnet-${token}'
    location: location
    tags: tags
    storageAccountName: storage.outputs.name
    storageServices: storageServices
    schedulerName: schedulerName
    schedulerEnabled: durableTaskSchedulerEnabled
  }
  dependsOn: [scheduler]
}

// The app starts as soon as it exists, so it comes last: with its roles given, and its storage reachable
// (the subnet's id is an output of the whole network, endpoints and name resolution included).
module functionApp 'modules/function-app.bicep' = {
  name: 'function-app'
  scope: rg
  params: {
    name: 'func-${token}'
    planName: 'plan-${token}'
    location: location
    tags: tags
    serviceName: 'api'
    pythonVersion: pythonVersion
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    durableAlwaysReady: durableAlwaysReady
    titleHosts: titleHosts
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    storageAccountName: storage.outputs.name
    deploymentContainerName: storage.outputs.deploymentContainerName
    appInsightsName: monitoring.outputs.appInsightsName
    subnetId: vnetEnabled ? network!.outputs.appSubnetId : ''
    schedulerEndpoint: durableTaskSchedulerEnabled ? scheduler!.outputs.endpoint : ''
    schedulerTaskHubName: durableTaskSchedulerEnabled ? scheduler!.outputs.taskHubName : ''
  }
  dependsOn: [roles]
}

module diagnostics 'modules/diagnostics.bicep' = if (diagnosticsEnabled) {
  name: 'diagnostics'
  scope: rg
  params: {
    workspaceId: monitoring.outputs.workspaceId
    functionAppName: functionApp.outputs.name
    storageAccountName: storage.outputs.name
  }
}

@description('Region of every resource.')
output AZURE_LOCATION string = location

@description('Tenant of the subscription.')
output AZURE_TENANT_ID string = tenant().tenantId

@description('Resource group that holds everything.')
output AZURE_RESOURCE_GROUP string = rg.name

@description('Name of the function app.')
output AZURE_FUNCTION_NAME string = functionApp.outputs.name

@description('Name of the storage account that holds the task hub.')
output AZURE_STORAGE_ACCOUNT_NAME string = storage.outputs.name

@description('Name of the function app, under the name that azd gives a service.')
output SERVICE_API_NAME string = functionApp.outputs.name

@description('Address of the function app.')
output SERVICE_API_URI string = functionApp.outputs.uri
