// Resource logs, an option: what the app and its host log, and every read, write and delete of the storage account.
// Off by default, because a task hub is polled all day and its reads are billed by the gigabyte.

@description('Log Analytics workspace that the logs go to.')
param workspaceName string

@description('Function app whose logs are sent.')
param functionAppName string

@description('Storage account whose logs are sent.')
param storageAccountName string

var storageLogs = [
  { category: 'StorageRead', enabled: true }
  { category: 'StorageWrite', enabled: true }
  { category: 'StorageDelete', enabled: true }
]

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' existing = {
  name: workspaceName
}

resource site 'Microsoft.Web/sites@2025-03-01' existing = {
  name: functionAppName
}

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: storageAccountName

  resource blobService 'blobServices' existing = { name: 'default' }
  resource queueService 'queueServices' existing = { name: 'default' }
  resource tableService 'tableServices' existing = { name: 'default' }
}

// Diagnostic settings have had no other API version than previews since 2021.
resource siteLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'log-analytics'
  scope: site
  properties: {
    workspaceId: workspace.id
    logs: [{ category: 'FunctionAppLogs', enabled: true }]
  }
}

resource blobLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'log-analytics'
  scope: account::blobService
  properties: {
    workspaceId: workspace.id
    logs: storageLogs
  }
}

resource queueLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'log-analytics'
  scope: account::queueService
  properties: {
    workspaceId: workspace.id
    logs: storageLogs
  }
}

resource tableLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'log-analytics'
  scope: account::tableService
  properties: {
    workspaceId: workspace.id
    logs: storageLogs
  }
}
