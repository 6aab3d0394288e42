// What `azd up` creates: one resource group with a Flex Consumption function app, the storage account
// that holds its task hub, one identity, monitoring and, unless switched off, a private network.
// Order: identity, monitoring, storage (and scheduler) -> roles, network -> function app.
// Nothing here has a key: every connection is made with the identity.
// Every name is made here and given to the modules, so that `azd provision --preview` can tell all of it.
targetScope = 'subscription'

import { schedulerRegions } from 'modules/scheduler.bicep'

@minLength(1)
@maxLength(64)
@description('Name of the azd environment. It names the resource group; every other name is made from its hash.')
param environmentName string

// Regions that have the Flex Consumption plan, as azd's prompt offers them.
// Source: Azure-Samples/functions-quickstart-python-azd-timer, infra/main.bicep of 2026-06-25, without its canary region.
// `az functionapp list-flexconsumption-locations --output table` tells today's; add what is missing here.
@allowed([
  'australiaeast'
  'australiasoutheast'
  'brazilsouth'
  'canadacentral'
  'centralindia'
  'centralus'
  'eastasia'
  'eastus'
  'eastus2'
  'francecentral'
  'germanywestcentral'
  'italynorth'
  'japaneast'
  'koreacentral'
  'northcentralus'
  'northeurope'
  'norwayeast'
  'southafricanorth'
  'southcentralus'
  'southeastasia'
  'southindia'
  'spaincentral'
  'swedencentral'
  'uaenorth'
  'uksouth'
  'ukwest'
  'westcentralus'
  'westeurope'
  'westus'
  'westus2'
  'westus3'
])
@description('Region of every resource: one that has the Flex Consumption plan.')
@metadata({ azd: { type: 'location' } })
param location string

@allowed(['3.11', '3.12', '3.13', '3.14'])
@description('Python version of the function app.')
param pythonVersion string = '3.12'

@allowed([512, 2048, 4096])
@description('Memory of one instance in MB: 0.25, 1 or 2 cores.')
param instanceMemoryMB int = 2048

// learn.microsoft.com/azure/azure-functions/flex-consumption-plan (2026) gives 1 as the least; the reference pages of
// the resource type still say 40.
@minValue(1)
@maxValue(1000)
@description('The most instances that the app may grow to.')
param maximumInstanceCount int = 100

@minValue(0)
@maxValue(1000)
@description('Always ready instances of the durable group, which are always billed. 0 lets the app scale to nothing.')
param durableAlwaysReady int = 0

@minValue(0)
@maxValue(1000)
@description('HTTP requests that one instance answers at a time. 0 leaves it to the platform, which goes by the memory.')
param httpConcurrency int = 0

@description('Let an update wait for the executions that run, instead of ending them (a preview of the plan).')
param rollingUpdates bool = false

@description('Spread instances and storage over availability zones. Has to be chosen before the first deployment.')
param zoneRedundant bool = false

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

@description('Keep the task hub in the Durable Task Scheduler instead of the storage account.')
param durableTaskSchedulerEnabled bool = false

@description('Region of the Durable Task Scheduler. Empty: that of the app.')
param durableTaskSchedulerLocation string = ''

@description('Let whoever deploys read the task hub.')
param deployerReadsHub bool = false

@maxLength(90)
@description('Name of the resource group. Empty: made from the name of the environment. So are those below.')
param resourceGroupName string = ''

@maxLength(60)
@description('Name of the function app. Empty: made from a hash.')
param functionAppName string = ''

@maxLength(60)
@description('Name of the plan. Empty: made from a hash.')
param functionPlanName string = ''

@maxLength(128)
@description('Name of the identity. Empty: made from a hash.')
param appIdentityName string = ''

@maxLength(24)
@description('Name of the storage account. Empty: made from a hash.')
param storageAccountName string = ''

@maxLength(63)
@description('Name of the Log Analytics workspace. Empty: made from a hash.')
param logAnalyticsName string = ''

@maxLength(255)
@description('Name of the Application Insights component. Empty: made from a hash.')
param appInsightsName string = ''

@maxLength(64)
@description('Name of the virtual network. Empty: made from a hash.')
param vnetName string = ''

@maxLength(64)
@description('Name of the Durable Task Scheduler. Empty: made from a hash.')
param durableTaskSchedulerName string = ''

// A resource group's name may not end with a period, an environment's name may; and Azure does not tell upper from lower
// case where azd does. Every other name is made from a hash, so that it is legal whatever azd accepts as a name.
var lowerName = toLower(environmentName)
var token = uniqueString(subscription().id, lowerName, location)
var groupSuffix = endsWith(lowerName, '.') ? '-${token}' : ''
var tags = { 'azd-env-name': environmentName }
var names = {
  resourceGroup: empty(resourceGroupName) ? 'rg-${lowerName}${groupSuffix}' : resourceGroupName
  functionApp: empty(functionAppName) ? 'func-${token}' : functionAppName
  plan: empty(functionPlanName) ? 'plan-${token}' : functionPlanName
  identity: empty(appIdentityName) ? 'id-${token}' : appIdentityName
  storageAccount: empty(storageAccountName) ? 'st${token}' : storageAccountName
  logAnalytics: empty(logAnalyticsName) ? 'log-${token}' : logAnalyticsName
  appInsights: empty(appInsightsName) ? 'appi-${token}' : appInsightsName
  vnet: empty(vnetName) ? 'vnet-${token}' : vnetName
  scheduler: empty(durableTaskSchedulerName) ? 'dts-${token}' : durableTaskSchedulerName
}
var deploymentContainerName = 'app-package'

// With the scheduler, Durable Functions needs no queue; the host still keeps keys in blobs and events in tables.
var storageServices = durableTaskSchedulerEnabled ? ['blob', 'table'] : ['blob', 'queue', 'table']
var schedulerInUse = durableTaskSchedulerEnabled ? names.scheduler : ''
var vnetInUse = vnetEnabled ? names.vnet : ''

var schedulerRegion = !durableTaskSchedulerEnabled || !empty(durableTaskSchedulerLocation)
  ? durableTaskSchedulerLocation
  : contains(schedulerRegions, location)
      ? location
      : fail('The Durable Task Scheduler is not known to be offered in ${location}. Set DURABLE_TASK_SCHEDULER_LOCATION to a region that has it, for example one of ${join(schedulerRegions, ', ')}.')

resource rg 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: names.resourceGroup
  location: location
  tags: tags
}

module identity 'modules/identity.bicep' = {
  scope: rg
  params: {
    name: names.identity
    location: location
    tags: tags
  }
}

module monitoring 'modules/monitoring.bicep' = {
  scope: rg
  params: {
    workspaceName: names.logAnalytics
    appInsightsName: names.appInsights
    location: location
    tags: tags
    dailyQuotaGb: logDailyQuotaGb
  }
}

module storage 'modules/storage.bicep' = {
  scope: rg
  params: {
    name: names.storageAccount
    location: location
    tags: tags
    deploymentContainerName: deploymentContainerName
    publicAccess: !vnetEnabled
    zoneRedundant: zoneRedundant
  }
}

module scheduler 'modules/scheduler.bicep' = if (durableTaskSchedulerEnabled) {
  scope: rg
  params: {
    name: names.scheduler
    location: schedulerRegion
    tags: tags
    taskHubName: 'TitlesHub'
    publicAccess: !vnetEnabled
  }
}

module roles 'modules/roles.bicep' = {
  scope: rg
  params: {
    identityName: names.identity
    storageAccountName: names.storageAccount
    storageServices: storageServices
    appInsightsName: names.appInsights
    schedulerName: schedulerInUse
    deployerReadsHub: deployerReadsHub
    deployerId: deployer().objectId
  }
  dependsOn: [identity, storage, monitoring, scheduler]
}

module network 'modules/network.bicep' = if (vnetEnabled) {
  scope: rg
  params: {
    name: names.vnet
    location: location
    tags: tags
    storageAccountName: names.storageAccount
    storageServices: storageServices
    schedulerName: schedulerInUse
  }
  dependsOn: [storage, scheduler]
}

// The app starts as soon as it exists, so it comes last: with its roles given, and its storage reachable
// (the whole network, endpoints and name resolution included).
module functionApp 'modules/function-app.bicep' = {
  scope: rg
  params: {
    name: names.functionApp
    planName: names.plan
    location: location
    tags: tags
    serviceName: 'api'
    pythonVersion: pythonVersion
    scale: {
      instanceMemoryMB: instanceMemoryMB
      maximumInstanceCount: maximumInstanceCount
      durableAlwaysReady: durableAlwaysReady
      httpConcurrency: httpConcurrency
      zoneRedundant: zoneRedundant
      rollingUpdates: rollingUpdates
    }
    titleHosts: titleHosts
    identityName: names.identity
    storageAccountName: names.storageAccount
    deploymentContainerName: deploymentContainerName
    appInsightsName: names.appInsights
    vnetName: vnetInUse
    schedulerName: schedulerInUse
  }
  dependsOn: [roles, network]
}

module diagnostics 'modules/diagnostics.bicep' = if (diagnosticsEnabled) {
  scope: rg
  params: {
    workspaceName: names.logAnalytics
    functionAppName: names.functionApp
    storageAccountName: names.storageAccount
  }
  dependsOn: [functionApp]
}

@description('Region of every resource.')
output AZURE_LOCATION string = location

@description('Tenant of the subscription.')
output AZURE_TENANT_ID string = tenant().tenantId

@description('Resource group that holds everything.')
output AZURE_RESOURCE_GROUP string = rg.name

@description('Name of the function app.')
output AZURE_FUNCTION_NAME string = names.functionApp

@description('Name of the storage account that holds the task hub.')
output AZURE_STORAGE_ACCOUNT_NAME string = names.storageAccount

@description('Host of the tables of the storage account, which differs from cloud to cloud.')
output AZURE_STORAGE_TABLE_HOST string = '${names.storageAccount}.table.${environment().suffixes.storage}'

@description('Name of the function app, under the name that azd gives a service.')
output SERVICE_API_NAME string = names.functionApp

@description('Address of the function app.')
output SERVICE_API_URI string = functionApp.outputs.uri
