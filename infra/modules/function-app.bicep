// The Flex Consumption plan and the one app on it. All settings are inline, so that the app is configured by one
// update. The two policies at the end can only come after it, and each may restart the deployment endpoint once more:
// a first `azd deploy` that meets such a restart is run again (infra/README.md, Troubleshooting).
// What the plan deprecates (FUNCTIONS_WORKER_RUNTIME, alwaysOn, ...), and properties that some regions have refused
// there and nobody needs (http20Enabled, netFrameworkVersion, ...), are left out on purpose.
import { Scale, Tags } from 'types.bicep'

@minLength(2)
@maxLength(60)
@description('Name of the app, which is part of its public address.')
param name string

@description('Name of the plan.')
param planName string

@description('Region of both.')
param location string

@description('Tags of both.')
param tags Tags

@description('Name of the service in azure.yaml: azd finds the app by it.')
param serviceName string

@description('Python version.')
param pythonVersion string

@description('How the app scales and is updated.')
param scale Scale

@description('Hosts whose pages the app may read, separated by commas.')
param titleHosts string

@description('Identity of the app.')
param identityName string

@description('Storage account of the host, the package and the task hub.')
param storageAccountName string

@description('Container of the package.')
param deploymentContainerName string

@description('Application Insights component that the app sends to.')
param appInsightsName string

@description('Virtual network that the app sends through. Empty: none.')
param vnetName string

@description('Durable Task Scheduler that keeps the task hub. Empty: the storage account keeps it.')
param schedulerName string

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: identityName
}

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: storageAccountName
}

resource appInsights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: appInsightsName
}

resource vnet 'Microsoft.Network/virtualNetworks@2025-05-01' existing = if (!empty(vnetName)) {
  name: vnetName

  resource appSubnet 'subnets' existing = { name: 'app' }
}

resource scheduler 'Microsoft.DurableTask/schedulers@2026-02-01' existing = if (!empty(schedulerName)) {
  name: schedulerName
}

// No plain AzureWebJobsStorage: an exact match would win over these.
var settings = [
  { name: 'AzureWebJobsStorage__credential', value: 'managedidentity' }
  { name: 'AzureWebJobsStorage__clientId', value: identity.properties.clientId }
  { name: 'AzureWebJobsStorage__blobServiceUri', value: account.properties.primaryEndpoints.blob }
  { name: 'AzureWebJobsStorage__tableServiceUri', value: account.properties.primaryEndpoints.table }
  { name: 'APPLICATIONINSIGHTS_CONNECTION_STRING', value: appInsights.properties.ConnectionString }
  {
    name: 'APPLICATIONINSIGHTS_AUTHENTICATION_STRING'
    value: 'ClientId=${identity.properties.clientId};Authorization=AAD'
  }
  { name: 'PYTHON_THREADPOOL_THREAD_COUNT', value: '32' } // fetch_title waits for the network, one thread each
  { name: 'TITLE_HOSTS', value: titleHosts }
]
// Which backend the host uses is said in host.json, which azd's hooks write into the package: the platform's scale
// controller reads that file and not the app settings that could override it.
var backend = empty(schedulerName)
  ? { name: 'AzureWebJobsStorage__queueServiceUri', value: account.properties.primaryEndpoints.queue }
  : {
      name: 'DURABLE_TASK_SCHEDULER_CONNECTION_STRING'
      value: 'Endpoint=${scheduler!.properties.endpoint};Authentication=ManagedIdentity;ClientID=${identity.properties.clientId}'
    }

// A plan that is spread over zones keeps at least two always ready instances of a group that has any.
var durableAlwaysReady = scale.durableAlwaysReady == 0 ? 0 : max(scale.durableAlwaysReady, scale.zoneRedundant ? 2 : 1)
var httpTriggers = scale.httpConcurrency == 0
  ? {}
  : { triggers: { http: { perInstanceConcurrency: scale.httpConcurrency } } }
// Documented (learn.microsoft.com/azure/azure-functions/flex-consumption-site-updates, December 2025, a preview), but
// not in the resource type's definition, so it is sent only where it was asked for.
var updateStrategy = scale.rollingUpdates ? { siteUpdateStrategy: { type: 'RollingUpdate' } } : {}

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
    zoneRedundant: scale.zoneRedundant
  }
}

resource site 'Microsoft.Web/sites@2025-03-01' = {
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': serviceName })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identity.id}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    publicNetworkAccess: 'Enabled' // the trigger is called from anywhere, with a key
    virtualNetworkSubnetId: empty(vnetName) ? null : vnet::appSubnet.id
    #disable-next-line BCP037 // siteUpdateStrategy, see above
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${account.properties.primaryEndpoints.blob}${deploymentContainerName}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identity.id
          }
        }
      }
      runtime: {
        name: 'python'
        version: pythonVersion
      }
      scaleAndConcurrency: {
        instanceMemoryMB: scale.instanceMemoryMB
        maximumInstanceCount: scale.maximumInstanceCount
        alwaysReady: durableAlwaysReady > 0 ? [{ name: 'durable', instanceCount: durableAlwaysReady }] : []
        ...httpTriggers
      }
      ...updateStrategy
    }
    siteConfig: {
      minTlsVersion: '1.2'
      appSettings: concat(settings, [backend])
    }
  }
}

// Publishing with a user name and password stays off: azd publishes with an identity.
resource ftpPublishing 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: site
  name: 'ftp'
  properties: { allow: false }
}

resource scmPublishing 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: site
  name: 'scm'
  properties: { allow: false }
}

@description('Address of the app.')
output uri string = 'https://${site.properties.defaultHostName}'
