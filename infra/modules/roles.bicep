// Every role assignment of the template, in one place. The app gets what the host and Durable Functions document
// as their minimum. A person gets nothing, unless asked for: then they may read the task hub, and no more.
// An assignment is named by what it joins (scope, who, role), so that each name is known before anything exists.
import { StorageService } from 'types.bicep'

@description('Identity of the app.')
param identityName string

@description('Storage account of the app.')
param storageAccountName string

@description('Storage services that the app uses: blob, table and, without the scheduler, queue.')
param storageServices StorageService[]

@description('Application Insights component that the app sends to.')
param appInsightsName string

@description('Scheduler of the app. Empty: there is none.')
param schedulerName string

@description('Let whoever deploys read the task hub.')
param deployerReadsHub bool

@description('Object id of whoever deploys.')
param deployerId string

// Built-in roles have the same ids in every tenant: learn.microsoft.com/azure/role-based-access-control/built-in-roles.
// Blob Data Owner is what the host itself documents as its minimum (its keys and locks); it covers the deployment
// container too.
var storageRoleIds = {
  blob: 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b' // Storage Blob Data Owner
  queue: '974c5e8b-45b9-4653-ba55-5f855dd0fb88' // Storage Queue Data Contributor
  table: '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3' // Storage Table Data Contributor
}
var metricsPublisherRoleId = '3913510d-42f4-4e42-8a64-420c390055eb' // Monitoring Metrics Publisher
var schedulerRoleId = '0ad04412-c4d5-4796-b79c-f76d14c8d402' // Durable Task Data Contributor

// What reads the hub: `replay` reads history and instances in tables and large payloads in blobs; the scheduler's
// dashboard shows what its own reader may see.
var storageReaderRoleIds = [
  '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1' // Storage Blob Data Reader
  '76199698-9eea-4c19-bc75-cec21354c6b6' // Storage Table Data Reader
]
var schedulerReaderRoleId = 'd6a5505f-6ebb-45a4-896e-ac8274cfc0ac' // Durable Task Data Reader

var schedulerEnabled = !empty(schedulerName)

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: identityName
}

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: storageAccountName
}

resource appInsights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: appInsightsName
}

resource scheduler 'Microsoft.DurableTask/schedulers@2026-02-01' existing = if (schedulerEnabled) {
  name: schedulerName
}

resource appOnStorage 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for service in storageServices: {
    name: guid(account.id, identity.id, storageRoleIds[service])
    scope: account
    properties: {
      principalId: identity.properties.principalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', storageRoleIds[service])
    }
  }
]

resource appOnAppInsights 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(appInsights.id, identity.id, metricsPublisherRoleId)
  scope: appInsights
  properties: {
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', metricsPublisherRoleId)
  }
}

resource appOnScheduler 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (schedulerEnabled) {
  name: guid(scheduler.id, identity.id, schedulerRoleId)
  scope: scheduler
  properties: {
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', schedulerRoleId)
  }
}

// Without principalType: the deployer exists, whatever it is, a person or the service principal of a pipeline.
resource deployerOnStorage 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for roleId in (deployerReadsHub && !schedulerEnabled ? storageReaderRoleIds : []): {
    name: guid(account.id, deployerId, roleId)
    scope: account
    properties: {
      principalId: deployerId
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleId)
    }
  }
]

resource deployerOnScheduler 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (deployerReadsHub && schedulerEnabled) {
  name: guid(scheduler.id, deployerId, schedulerReaderRoleId)
  scope: scheduler
  properties: {
    principalId: deployerId
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', schedulerReaderRoleId)
  }
}
