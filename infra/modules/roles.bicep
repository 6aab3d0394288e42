// Every role assignment of the template, in one place. The app gets what the host and Durable Functions document
// as their minimum. A person gets nothing, unless asked for: then they may read the task hub, and no more.
// A separate module, because an assignment's name is made from the principal's id, which has to be known first.

@description('Object id of the identity of the app.')
param appPrincipalId string

@description('Storage account of the app.')
param storageAccountName string

@description('Storage services that the app uses: blob, table and, without the scheduler, queue.')
param storageServices array

@description('Application Insights component that the app sends to.')
param appInsightsName string

@description('Name of the scheduler; not used unless schedulerEnabled.')
param schedulerName string

@description('Whether there is a scheduler.')
param schedulerEnabled bool

@description('Object id of whoever may read the task hub in storage. Empty: nobody.')
param readerPrincipalId string

@allowed(['User', 'Group', 'ServicePrincipal'])
@description('What readerPrincipalId is.')
param readerPrincipalType string

// Built-in roles have the same ids in every tenant. Blob Data Owner is what the host itself documents as its minimum
// (its keys and locks); it covers the deployment container too.
var storageRoleIds = {
  blob: 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b' // Storage Blob Data Owner
  queue: '974c5e8b-45b9-4653-ba55-5f855dd0fb88' // Storage Queue Data Contributor
  table: '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3' // Storage Table Data Contributor
}
var metricsPublisherRoleId = '3913510d-42f4-4e42-8a64-420c390055eb' // Monitoring Metrics Publisher
var schedulerRoleId = '0ad04412-c4d5-4796-b79c-f76d14c8d402' // Durable Task Data Contributor

// What `local_host replay` reads: history and instances in tables, large payloads in blobs.
var readerRoleIds = [
  '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1' // Storage Blob Data Reader
  '76199698-9eea-4c19-bc75-cec21354c6b6' // Storage Table Data Reader
]
var readerRolesGiven = empty(readerPrincipalId) ? [] : readerRoleIds

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: storageAccountName
}

resource appInsights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: appInsightsName
}

resource scheduler 'Microsoft.DurableTask/schedulers@2026-02-01' existing = {
  name: schedulerName
}

resource appOnStorage 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for service in storageServices: {
  name: guid(account.id, appPrincipalId, storageRoleIds[service])
  scope: account
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', storageRoleIds[service])
  }
}]

resource appOnAppInsights 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(appInsights.id, appPrincipalId, metricsPublisherRoleId)
  scope: appInsights
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', metricsPublisherRoleId)
  }
}

resource appOnScheduler 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (schedulerEnabled) {
  name: guid(scheduler.id, appPrincipalId, schedulerRoleId)
  scope: scheduler
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', schedulerRoleId)
  }
}

resource readerOnStorage 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for roleId in readerRolesGiven: {
  name: guid(account.id, readerPrincipalId, roleId)
  scope: account
  properties: {
    principalId: readerPrincipalId
    principalType: readerPrincipalType
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleId)
  }
}]
