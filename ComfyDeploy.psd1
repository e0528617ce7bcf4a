@{
    RootModule             = 'ComfyDeploy.dll'
    ModuleVersion          = '0.1.0'
    GUID                   = '6e0a4d1c-9d0b-4b55-8a2e-5f3c1b7d2a90'
    Author                 = 'ComfyDeploy for PowerShell contributors'
    CompanyName            = 'Community'
    Copyright              = '(c) 2026 ComfyDeploy for PowerShell contributors. MIT license.'
    Description            = 'Queue ComfyUI runs on ComfyDeploy, wait for them, and save their outputs, as typed objects in the pipeline.'
    PowerShellVersion      = '5.1'
    DotNetFrameworkVersion = '4.7.2'
    CompatiblePSEditions   = @('Desktop', 'Core')
    # Windows PowerShell reads types and formats before it loads RootModule, and they need the assembly.
    RequiredAssemblies     = @('ComfyDeploy.dll')
    FormatsToProcess       = @('ComfyDeploy.Format.ps1xml')
    TypesToProcess         = @('ComfyDeploy.Types.ps1xml')
    FunctionsToExport      = @()
    AliasesToExport        = @()
    VariablesToExport      = @()
    CmdletsToExport        = @(
        'Connect-ComfyDeploy'
        'Disconnect-ComfyDeploy'
        'Get-ComfyConnection'
        'Get-ComfyDeployment'
        'Get-ComfyDeploymentInput'
        'Get-ComfyRun'
        'Get-ComfyRunOutput'
        'Invoke-ComfyApi'
        'New-ComfyInputGrid'
        'Restart-ComfyRun'
        'Save-ComfyRunOutput'
        'Send-ComfyFile'
        'Start-ComfyEmulator'
        'Start-ComfyRun'
        'Stop-ComfyEmulator'
        'Stop-ComfyRun'
        'Test-ComfyConnection'
        'Wait-ComfyRun'
    )
    PrivateData            = @{
        PSData = @{
            Tags         = @('ComfyUI', 'ComfyDeploy', 'GPU', 'StableDiffusion', 'Workflow', 'PSEdition_Desktop', 'PSEdition_Core', 'Windows', 'Linux', 'MacOS')
            LicenseUri   = 'https://github.com/comfydeploy-powershell/ComfyDeploy/blob/main/LICENSE'
            ProjectUri   = 'https://github.com/comfydeploy-powershell/ComfyDeploy'
            ReleaseNotes = 'https://github.com/comfydeploy-powershell/ComfyDeploy/blob/main/CHANGELOG.md'
        }
    }
}
