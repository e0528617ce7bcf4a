#Requires -Version 7.4

BeforeAll {
    . $PSScriptRoot/common.ps1

    # The line after Tab, as TabExpansion2 and so PSReadLine make it, for each result.
    function Get-CompletedLine {
        [CmdletBinding()]
        param([Parameter(Mandatory)] [string] $Line)
        $result = TabExpansion2 $Line $Line.Length
        foreach ($match in $result.CompletionMatches) {
            $Line.Remove($result.ReplacementIndex, $result.ReplacementLength).Insert($result.ReplacementIndex, $match.CompletionText)
        }
    }
}

AfterAll { Clear-TestState }

Describe 'Completion in a fresh session' {
    BeforeEach {
        $emulator = New-TestEmulator
        $Error.Clear()
    }

    It 'completes "<Line>" to "<Completed>" with <Requests> requests' -ForEach @(
        @{ Line = 'Start-ComfyRun portrait/pro'; Completed = 'Start-ComfyRun portrait/production'; Requests = 2 }
        @{ Line = 'Get-ComfyRun -Deployment upscale-4k/s'; Completed = 'Get-ComfyRun -Deployment upscale-4k/staging'; Requests = 2 }
        @{ Line = 'Get-ComfyDeployment portrait/pro'; Completed = 'Get-ComfyDeployment portrait/production'; Requests = 2 }
        @{ Line = 'Get-ComfyDeploymentInput portrait/pro'; Completed = 'Get-ComfyDeploymentInput portrait/production'; Requests = 2 }
        @{ Line = 'Get-ComfyRun -Workflow ani'; Completed = 'Get-ComfyRun -Workflow animate'; Requests = 1 }
        @{ Line = 'Get-ComfyDeployment -Workflow ani'; Completed = 'Get-ComfyDeployment -Workflow animate'; Requests = 1 }
        @{ Line = '1 | Start-ComfyRun portrait -InputName pr'; Completed = '1 | Start-ComfyRun portrait -InputName prompt'; Requests = 2 }
        @{ Line = '1 | Start-ComfyRun portrait -LabelColumn pr'; Completed = '1 | Start-ComfyRun portrait -LabelColumn prompt'; Requests = 2 }
        @{ Line = 'Start-ComfyRun portrait -Environment s'; Completed = 'Start-ComfyRun portrait -Environment staging'; Requests = 2 }
        @{ Line = 'Get-ComfyRun -Environment com'; Completed = 'Get-ComfyRun -Environment community-share'; Requests = 0 }
        @{ Line = 'Start-ComfyRun portrait -Gpu H1'; Completed = 'Start-ComfyRun portrait -Gpu H100'; Requests = 1 }
        @{ Line = 'Get-ComfyRun -Status fa'; Completed = 'Get-ComfyRun -Status failed'; Requests = 0 }
        @{ Line = 'Get-ComfyRun -Origin man'; Completed = 'Get-ComfyRun -Origin manual'; Requests = 0 }
        @{ Line = 'Get-ComfyRun -After yes'; Completed = 'Get-ComfyRun -After yesterday'; Requests = 0 }
        @{ Line = 'Get-ComfyRun -Connection em'; Completed = 'Get-ComfyRun -Connection emulator'; Requests = 0 }
        @{ Line = 'Invoke-ComfyApi /platform/gpu'; Completed = 'Invoke-ComfyApi /platform/gpu-pricing'; Requests = 0 }
        @{ Line = "Save-ComfyRunOutput -NameTemplate '{La"; Completed = "Save-ComfyRunOutput -NameTemplate '{Label}"; Requests = 0 }
        @{ Line = "Save-ComfyRunOutput -NameTemplate '{Label}_{Ind"; Completed = "Save-ComfyRunOutput -NameTemplate '{Label}_{Index:00}"; Requests = 0 }
        @{ Line = "Start-ComfyEmulator -Fault 'POST /run/dep"; Completed = "Start-ComfyEmulator -Fault 'POST /run/deployment/queue = "; Requests = 0 }
        @{ Line = "Start-ComfyEmulator -Fault 'GET /run/* = han"; Completed = "Start-ComfyEmulator -Fault 'GET /run/* = hang'"; Requests = 0 }
    ) {
        Get-CompletedLine $Line | Should -Be $Completed
        $emulator.Requests.Count | Should -Be $Requests
        Get-CompletedLine $Line | Should -Be $Completed
        $emulator.Requests.Count | Should -Be $Requests
        $Error.Count | Should -Be 0
    }

    It 'completes the runs of <_>, newest first, with what is known of them' -ForEach 'Get-ComfyRun', 'Wait-ComfyRun', 'Stop-ComfyRun', 'Get-ComfyRunOutput', 'Save-ComfyRunOutput -RunId' {
        $first = Start-ComfyRun portrait
        $emulator.Advance('00:00:01')
        $second = [pscustomobject]@{ prompt = 'fox'; shot = 'a07' } | Start-ComfyRun portrait -LabelColumn shot
        $before = $emulator.Requests.Count
        $line = "$_ "
        $found = (TabExpansion2 $line $line.Length).CompletionMatches
        $found.CompletionText | Should -Be $second.RunId, $first.RunId
        $found[0].ToolTip | Should -Be 'a07 · portrait/production · not-started'
        $emulator.Requests.Count | Should -Be $before
        $Error.Count | Should -Be 0
    }

    It 'offers nothing, and no error, when the server is gone' {
        $emulator.Stop()
        Get-CompletedLine 'Start-ComfyRun portrait/p' | Should -BeNullOrEmpty
        Get-CompletedLine 'Get-ComfyRun -Workflow ani' | Should -BeNullOrEmpty
        $Error.Count | Should -Be 0
    }

    It 'offers nothing, and sends nothing, without a connection' {
        Disconnect-ComfyDeploy
        Get-CompletedLine 'Start-ComfyRun portrait/p' | Should -BeNullOrEmpty
        Get-CompletedLine 'Get-ComfyRun ' | Should -BeNullOrEmpty
        $emulator.Requests.Count | Should -Be 0
        $Error.Count | Should -Be 0
    }

    It 'waits once for a server that does not answer' {
        $emulator.AddFault('* * = hang always')
        Get-CompletedLine 'Start-ComfyRun portrait/p' | Should -BeNullOrEmpty
        Get-CompletedLine 'Start-ComfyRun portrait/p' | Should -BeNullOrEmpty
        Get-CompletedLine 'Get-ComfyRun -Workflow ani' | Should -BeNullOrEmpty
        $emulator.Requests.Count | Should -Be 2
        $Error.Count | Should -Be 0
    }

    It 'works in strict mode, and when $PSDefaultParameterValues is gone' {
        $child = Invoke-ChildPwsh -Environment @{ COMFY_DEPLOY_API_KEY = Get-TestKey $emulator; COMFY_DEPLOY_BASE_URI = $emulator.BaseUri } @'
Import-Module ComfyDeploy
Set-StrictMode -Version Latest
Remove-Variable PSDefaultParameterValues -Scope Global -Force
$line = 'Start-ComfyRun portrait/pro'
(TabExpansion2 $line $line.Length).CompletionMatches.CompletionText
try { $missing } catch { 'strict' }
$Error.Count
'@
        $child.Output -split '\r?\n' | Should -Be 'portrait/production', 'strict', '1'
    }

    It 'uses the key in the environment' {
        $env:COMFY_DEPLOY_API_KEY = Get-TestKey $emulator
        $env:COMFY_DEPLOY_BASE_URI = $emulator.BaseUri
        try {
            Disconnect-ComfyDeploy
            Get-CompletedLine 'Start-ComfyRun portrait/pro' | Should -Be 'Start-ComfyRun portrait/production'
            $env:COMFY_DEPLOY_BASE_URI = 'http://example.com'
            Get-CompletedLine 'Start-ComfyRun portrait/p' | Should -BeNullOrEmpty
            $Error.Count | Should -Be 0
        } finally {
            Remove-Item Env:COMFY_DEPLOY_API_KEY, Env:COMFY_DEPLOY_BASE_URI
        }
    }
}
