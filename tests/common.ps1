#Requires -Version 7.4
#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.0' }

# Shared helpers of the test files. Each file begins with: BeforeAll { . $PSScriptRoot/common.ps1 }

$ModulePath = Join-Path $PSScriptRoot '../out/ComfyDeploy' | Resolve-Path | Select-Object -ExpandProperty Path
Import-Module (Join-Path $ModulePath 'ComfyDeploy.psd1')
Remove-Item Env:COMFY_DEPLOY_API_KEY, Env:COMFY_DEPLOY_BASE_URI -ErrorAction Ignore
$ProgressPreference = 'SilentlyContinue'
# Tests of non-terminating errors do not depend on the preference of the caller; other tests set their own.
$ErrorActionPreference = 'Continue'
# A defect in the product must fail a test, not make it wait for a day.
$PSDefaultParameterValues = @{ 'Wait-ComfyRun:Timeout' = '30s' }
$MissingId = '11111111-2222-4333-8444-555555555555'

# Cleans up after earlier tests, and starts an emulator as the default connection.
function New-TestEmulator {
    [CmdletBinding()]
    param([double] $Speed = 0, [string[]] $Fault = @())
    Clear-TestState
    $parameters = @{ Speed = $Speed; Connect = $true }
    if ($Fault) { $parameters.Fault = $Fault }
    Start-ComfyEmulator @parameters
}

function Clear-TestState {
    [CmdletBinding()]
    param()
    Get-ComfyConnection | Disconnect-ComfyDeploy
    Stop-ComfyEmulator
}

# A second emulator with a named connection that does not become the default.
function New-NamedEmulator {
    [CmdletBinding()]
    param([Parameter(Mandatory)] [string] $Name, [double] $Speed = 0)
    $emulator = Start-ComfyEmulator -Speed $Speed
    Connect-ComfyDeploy -Name $Name -ApiKey $emulator.ApiKey -BaseUri $emulator.BaseUri -SkipCheck
    $emulator
}

# The requests an emulator has received since a number, by method and path (wildcards).
function Get-TestRequest {
    [CmdletBinding()]
    param([Parameter(Mandatory)] [object] $Emulator, [string] $Method = '*', [string] $Path = '*', [int] $Since = 0)
    $Emulator.Requests | Where-Object { $_.Number -gt $Since -and $_.Method -like $Method -and $_.Path -like "/api$Path" }
}

# The key of an emulator in plain text, to search for it.
function Get-TestKey {
    [CmdletBinding()]
    param([Parameter(Mandatory)] [object] $Emulator)
    ConvertFrom-SecureString -SecureString $Emulator.ApiKey -AsPlainText
}

# What tab completion offers at the end of a line.
function Get-Completion {
    [CmdletBinding()]
    param([Parameter(Mandatory)] [string] $Line)
    [System.Management.Automation.CommandCompletion]::CompleteInput($Line, $Line.Length, $null).CompletionMatches.CompletionText
}

# Waits for a condition, never for a time.
function Wait-TestCondition {
    [CmdletBinding()]
    param([Parameter(Mandatory)] [scriptblock] $Condition, [int] $Seconds = 20)
    $watch = [System.Diagnostics.Stopwatch]::StartNew()
    while (-not (& $Condition)) {
        if ($watch.Elapsed.TotalSeconds -gt $Seconds) { throw "Not so within $Seconds s: $Condition" }
        Start-Sleep -Milliseconds 10
    }
}

# Runs a script in a separate pwsh process, which finds the module only through PSModulePath.
function Invoke-ChildPwsh {
    [CmdletBinding()]
    param(
        [Parameter(Mandatory)] [string] $Script,
        [System.Collections.IDictionary] $Environment = @{},
        [string[]] $Argument = @()
    )
    $file = Join-Path ([System.IO.Path]::GetTempPath()) "comfy-$([guid]::NewGuid().ToString('N')).ps1"
    Set-Content -LiteralPath $file -Value $Script
    try {
        $start = [System.Diagnostics.ProcessStartInfo]::new((Get-Process -Id $PID).Path)
        foreach ($word in @('-NoProfile', '-NonInteractive') + $Argument + @('-File', $file)) { $start.ArgumentList.Add($word) }
        $start.RedirectStandardOutput = $true
        $start.RedirectStandardError = $true
        $start.Environment['PSModulePath'] = (Split-Path $ModulePath) + [System.IO.Path]::PathSeparator + $env:PSModulePath
        $start.Environment['NO_COLOR'] = '1'
        foreach ($name in $Environment.Keys) { $start.Environment[$name] = [string] $Environment[$name] }
        $process = [System.Diagnostics.Process]::Start($start)
        $errorText = $process.StandardError.ReadToEndAsync()
        $text = $process.StandardOutput.ReadToEnd()
        $process.WaitForExit()
        [pscustomobject]@{ Output = $text.Trim(); Error = $errorText.Result.Trim(); ExitCode = $process.ExitCode }
    } finally {
        Remove-Item -LiteralPath $file
    }
}

# Runs a script in a runspace of this process and stops it, as Ctrl+C does, when the condition holds.
function Measure-TestStop {
    [CmdletBinding()]
    param([Parameter(Mandatory)] [string] $Script, [Parameter(Mandatory)] [scriptblock] $When)
    $shell = [powershell]::Create()
    try {
        $null = $shell.AddScript("Import-Module '$ModulePath/ComfyDeploy.psd1'; $Script")
        $output = [System.Management.Automation.PSDataCollection[psobject]]::new()
        $handle = $shell.BeginInvoke([System.Management.Automation.PSDataCollection[psobject]]::new(), $output)
        Wait-TestCondition $When
        $watch = [System.Diagnostics.Stopwatch]::StartNew()
        $shell.Stop()
        $elapsed = $watch.Elapsed.TotalMilliseconds
        [pscustomobject]@{
            Milliseconds = $elapsed
            Errors       = @($shell.Streams.Error)
            State        = $shell.InvocationStateInfo.State
            Output       = @($output)
            Progress     = @($shell.Streams.Progress)
            IsCompleted  = $handle.IsCompleted
        }
    } finally {
        $shell.Dispose()
    }
}
