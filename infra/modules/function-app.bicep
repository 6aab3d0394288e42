// The Flex Consumption plan and the one app on it. All settings are inline, so that the app is configured by one
// update: every further one would restart the deployment endpoint that azd is about to use.
// Settings that the Flex Consumption plan deprecates (FUNCTIONS_WORKER_RUNTIME, alwaysOn, ...) are left out on purpose.

@minLength(2)
@maxLength(60)
@description('Name of the app, which is part of its public address.')
param name string

@description('Name of the plan.')
param planName string

@description('Region of both.')
param location string

@description('Tags of both.')
param tags object

@description('Name of the service in azure.yaml: azd finds the app by it.')
param serviceName string

@description('Python version.')
param pythonVersion string

@description('Memory of one instance in MB.')
param instanceMemoryMB int

@description('The most instances.')
param maximumInstanceCount int

@description('Instances of the durable group that are always ready.')
param durableAlwaysReady int

@description('Hosts whose pages the app may read, separated by commas.')
param titleHosts string

@description('Resource id of the identity of the app.')
param identityId string

@description('Client id of the identity of the app.')
param identityClientId string

@description('Storage account of the host, the package and the task hub.')
param storageAccountName string

@description('Container of the package.')
param deploymentContainerName string

@description('Application Insights component that the app sends to.')
param appInsightsName string

@description('Subnet that the app sends from. Empty: no network.')
param subnetId string

@description('Address of the Durable Task Scheduler. Empty: the task hub is in the storage account.')
param schedulerEndpoint string

@description('Task hub in the scheduler.')
param schedulerTaskHubName string

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: storageAccountName
}

resource appInsights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: appInsightsName
}

// No plain AzureWebJobsStorage: an exact match would win over these.
var settings = [
  { name: 'AzureWebJobsStorage__credential', value: 'managedidentity' }
  { name: 'AzureWebJobsStorage__clientId', value: identityClientId }
  { name: 'AzureWebJobsStorage__blobServiceUri', value: account.properties.primaryEndpoints.blob }
  { name: 'AzureWebJobsStorage__tableServiceUri', value: account.properties.primaryEndpoints.table }
  { name: 'APPLICATIONINSIGHTS_CONNECTION_STRING', value: appInsights.properties.ConnectionString }
  { name: 'APPLICATIONINSIGHTS_AUTHENTICATION_STRING', value: 'ClientId=${identityClientId};Authorization=AAD' }
  { name: 'PYTHON_THREADPOOL_THREAD_COUNT', value: '32' } // fetch_title waits for the network, one thread each
  { name: 'TITLE_HOSTS', value: titleHosts }
]
var storageBackend = [
  { name: 'AzureWebJobsStorage__queueServiceUri', value: account.properties.primaryEndpoints.queue }
]
var schedulerConnection = 'Endpoint=${schedulerEndpoint};Authentication=ManagedIdentity;ClientID=${identityClientId}'
var schedulerBackend = [
  { name: 'DURABLE_TASK_SCHEDULER_CONNECTION_STRING', value: schedulerConnection }
  { name: 'TASKHUB_NAME', value: schedulerTaskHubName }
]

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: { reserved: true }
}

resource site 'Microsoft.Web/sites@2025-03-01' = {
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': serviceName })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    publicNetworkAccess: 'Enabled' // the trigger is called from anywhere, with a key
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${account.properties.primaryEndpoints.blob}${deploymentContainerName}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      runtime: {
        name: 'python'
        version: pythonVersion
      }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
        alwaysReady: durableAlwaysReady > 0 ? [{ name: 'durable', instanceCount: durableAlwaysReady }] : []
      }
    }
    siteConfig: {
      minTlsVersion: '1.2'
      http20Enabled: true
      appSettings: concat(settings, empty(schedulerEndpoint) ? storageBackend : schedulerBackend)
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

@description('Name of the app.')
output name string = site.name

@description('Address of the app.')
output uri string = 'https://${site.properties.defaultHostName}'
