// The one identity of the app: it reads its package, keeps its task hub and sends its telemetry with it.
import { Tags } from 'types.bicep'

@description('Name of the identity.')
param name string

@description('Region of the identity.')
param location string

@description('Tags of the identity.')
param tags Tags

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: name
  location: location
  tags: tags
}
