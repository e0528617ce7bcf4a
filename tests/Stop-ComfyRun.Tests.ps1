#Requires -Version 7.4

BeforeAll {
    . $PSScriptRoot/common.ps1

    # In the order of the rows: the service may get them in another one.
    function Get-StoredStatus([object[]] $Run) {
        foreach ($id in $Run.RunId) { ($emulator.Runs | Where-Object RunId -EQ $id).Status }
    }
}

AfterAll { Clear-TestState }

Describe 'Stop-ComfyRun' {
    BeforeEach {
        $emulator = New-TestEmulator
        $runs = '#stuck=running', 'done', '#stuck=running #nocall', '#stuck' | Start-ComfyRun portrait -InputName prompt
        $emulator.Advance('00:05:00')
    }

    It 'cancels, and returns no output' {
        $runs[0] | Stop-ComfyRun | Should -BeNullOrEmpty
        Get-StoredStatus $runs[0] | Should -Be 'cancelled'
    }

    It 'returns one outcome per run with -PassThru, in order, and reports one error at the end' {
        $all = $runs | Stop-ComfyRun -PassThru 2>&1
        $all.Count | Should -Be 5
        $all[0..3].Outcome | Should -Be 'Cancelled', 'AlreadyFinished', 'NotCancellable', 'Cancelled'
        $all[0..3].RunId | Should -Be $runs.RunId
        $all[0].Was | Should -Be 'running'
        $all[0].Status | Should -Be 'cancelled'
        $all[4].FullyQualifiedErrorId | Should -Be 'RunNotCancellable,ComfyDeploy.Commands.StopComfyRunCommand'
        $all[4].TargetObject | Should -Be $runs[2].RunId
    }

    It 'stops all runs with the preference Stop' {
        $ErrorActionPreference = 'Stop'
        { $runs[2], $runs[0], $runs[3] | Stop-ComfyRun } | Should -Throw -ErrorId 'RunNotCancellable,*'
        Get-StoredStatus $runs | Should -Be 'cancelled', 'success', 'running', 'cancelled'
    }

    It 'sends no cancel request for a finished run' {
        $runs[1] | Stop-ComfyRun
        Get-TestRequest $emulator -Path '*cancel' | Should -BeNullOrEmpty
    }

    It 'changes nothing with -WhatIf, and shows run and deployment' {
        $null = $runs | Stop-ComfyRun -WhatIf
        Get-TestRequest $emulator -Path '*cancel' | Should -BeNullOrEmpty
        Get-StoredStatus $runs[0] | Should -Be 'running'
    }

    It 'needs no confirmation under -NonInteractive' {
        $child = Invoke-ChildPwsh "Stop-ComfyRun $($runs[0].RunId) -PassThru | ForEach-Object Outcome" -Environment @{ COMFY_DEPLOY_API_KEY = Get-TestKey $emulator; COMFY_DEPLOY_BASE_URI = $emulator.BaseUri }
        $child.Output | Should -Be 'Cancelled'
        $child.Error | Should -BeNullOrEmpty
    }

    It 'one unknown ID among three: the others are stopped, one error' {
        $runs[0].RunId, $MissingId, 'nonsense', $runs[3].RunId | Stop-ComfyRun -PassThru -OutVariable results -ErrorVariable errors -ErrorAction SilentlyContinue | Out-Null
        $results.Outcome | Should -Be 'Cancelled', 'NotFound', 'Cancelled'
        $errors.FullyQualifiedErrorId | Sort-Object | Should -Be 'RunIdInvalid,ComfyDeploy.Commands.StopComfyRunCommand', 'RunNotFound,ComfyDeploy.Commands.StopComfyRunCommand'
    }

    It 'accepts rows of a file, and its results can be piped' {
        $results = $runs[0, 3] | ConvertTo-Csv | ConvertFrom-Csv | Stop-ComfyRun -PassThru
        $results.Outcome | Should -Be 'Cancelled', 'Cancelled'
        ($results | Get-ComfyRun).Status | Should -Be 'cancelled', 'cancelled'
    }

    It 'cancels a run given twice once' {
        $runs[0], $runs[0].RunId | Stop-ComfyRun
        @(Get-TestRequest $emulator -Path '*cancel').Count | Should -Be 1
    }

    It 'waits with -Wait' {
        ($runs[0] | Stop-ComfyRun -Wait -PassThru).Outcome | Should -Be 'Cancelled'
    }

    It 'rejects -Timeout without -Wait' {
        { $runs[0] | Stop-ComfyRun -Timeout 5 } | Should -Throw -ErrorId 'ParametersConflict,*'
        Get-StoredStatus $runs[0] | Should -Be 'running'
    }

    It 'stops within 200 ms in a hung cancel request' {
        $emulator.AddFault('POST /run/*/cancel = hang always')
        $hung = $emulator
        $stopped = Measure-TestStop "Stop-ComfyRun $($runs[0].RunId)" -When { @(Get-TestRequest $hung -Path '*cancel').Count -gt 0 }
        $stopped.Milliseconds | Should -BeLessOrEqual 200
        $stopped.Errors | Should -BeNullOrEmpty
    }
}
