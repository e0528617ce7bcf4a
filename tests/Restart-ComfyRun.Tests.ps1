#Requires -Version 7.4

BeforeAll { . $PSScriptRoot/common.ps1 }

AfterAll { Clear-TestState }

Describe 'Restart-ComfyRun' {
    BeforeEach {
        $emulator = New-TestEmulator
        $rows = @'
prompt,seed,shot
a fox,1,a01
a bear #fail,2,a02
an owl,3,a03
'@ | ConvertFrom-Csv
        $runs = $rows | Start-ComfyRun portrait -LabelColumn shot
        $emulator.Advance('01:00:00')
    }

    It 'queues a run for each run, with its label and its inputs' {
        $again = $runs | Restart-ComfyRun
        $again.RestartOf | Should -Be $runs.RunId
        $again.Label | Should -Be 'a01', 'a02', 'a03'
        $again.Inputs.seed | Should -Be 1, 2, 3
        $emulator.Runs.Count | Should -Be 6
    }

    It 'starts what failed with other inputs' {
        $again = Get-ComfyRun -Deployment portrait -Status failed | Restart-ComfyRun -InputOverride @{ prompt = 'a bear' }
        $again.Label | Should -Be 'a02'
        "$($again.Inputs)" | Should -Be '{"seed":2,"prompt":"a bear"}'
    }

    It 'accepts rows of a CSV file, and rows of it that were not queued' {
        $emulator.AddFault('POST /run/deployment/queue = 500 body=late')
        $late = [pscustomobject]@{ prompt = 'late'; seed = 4 } | Start-ComfyRun -Deployment portrait/staging -WarningAction Ignore
        $late.Status | Should -Be 'not-queued'
        $again = $runs[0], $late | ConvertTo-Csv | ConvertFrom-Csv | Restart-ComfyRun
        $again.DeploymentName | Should -Be 'portrait/production', 'portrait/staging'
        $again.RestartOf | Should -Be @($runs[0].RunId, $null)
        $again.Inputs.seed | Should -Be 1, 4
    }

    It 'accepts objects of Import-Clixml, also those that were not queued' {
        $emulator.AddFault('POST /run/deployment/queue = 500 body=late')
        $late = [pscustomobject]@{ prompt = 'late'; seed = 4 } | Start-ComfyRun -Deployment portrait/staging -WarningAction Ignore
        $saved = [System.Management.Automation.PSSerializer]::Deserialize([System.Management.Automation.PSSerializer]::Serialize(@($runs[1], $late)))
        $again = $saved | Restart-ComfyRun
        $again.Label | Should -Be @('a02', $null)
        $again.Inputs.seed | Should -Be 2, 4
    }

    It 'restarts what Wait-ComfyRun returns, and waits' {
        $emulator = New-TestEmulator -Speed 50
        $done = $rows | Start-ComfyRun portrait -LabelColumn shot | Wait-ComfyRun -InOrder
        $again = $done | Where-Object -Not IsSuccess | Restart-ComfyRun -InputOverride @{ prompt = 'a bear' } -Wait
        $again.Status | Should -Be 'success'
        $again.RestartOf | Should -Be $done[1].RunId
    }

    It 'records another attempt in a manifest, and the batch then queues nothing' {
        $manifest = Join-Path $TestDrive "$([guid]::NewGuid().ToString('N')).jsonl"
        $null = $rows | Start-ComfyRun portrait -LabelColumn shot -Manifest $manifest
        $emulator.Advance('01:00:00')
        $null = Get-ComfyRun -Manifest $manifest | Wait-ComfyRun
        $again = Get-ComfyRun -Manifest $manifest | Where-Object -Not IsSuccess | Restart-ComfyRun -InputOverride @{ prompt = 'a bear' } -Manifest $manifest
        $emulator.Advance('01:00:00')
        ($again | Wait-ComfyRun).Status | Should -Be 'success'
        $count = $emulator.Runs.Count
        $batch = $rows | Start-ComfyRun portrait -LabelColumn shot -Manifest $manifest
        $emulator.Runs.Count | Should -Be $count
        $batch.Status | Should -Be 'success', 'success', 'success'
        $batch[1].RunId | Should -Be $again.RunId
    }

    It 'changes nothing with -WhatIf' {
        $runs | Restart-ComfyRun -WhatIf | Should -BeNullOrEmpty
        $emulator.Runs.Count | Should -Be 3
    }

    It 'needs no confirmation under -NonInteractive' {
        $child = Invoke-ChildPwsh "Restart-ComfyRun $($runs[0].RunId) -Deployment portrait | ForEach-Object RestartOf" -Environment @{ COMFY_DEPLOY_API_KEY = Get-TestKey $emulator; COMFY_DEPLOY_BASE_URI = $emulator.BaseUri }
        $child.Output | Should -Be $runs[0].RunId
        $child.Error | Should -BeNullOrEmpty
    }

    It 'ends no batch under the preference Stop, and reports the missing run at the end' {
        $ErrorActionPreference = 'Stop'
        { $runs[0].RunId, $MissingId, $runs[2].RunId | Restart-ComfyRun } | Should -Throw -ErrorId 'RunNotFound,*'
        $emulator.Runs.Inputs[3..5] | Should -Be $emulator.Runs.Inputs[0, 2]
    }

    It 'completes the GPU and the deployment' {
        Get-Completion 'Restart-ComfyRun x -Gpu h1' | Should -Contain 'H100'
        Get-Completion 'Restart-ComfyRun x -Deployment upsc' | Should -Contain 'upscale-4k'
    }

    It 'rejects -Timeout without -Wait' {
        { $runs | Restart-ComfyRun -Timeout 5 } | Should -Throw -ErrorId 'ParametersConflict,*'
        $emulator.Runs.Count | Should -Be 3
    }
}
