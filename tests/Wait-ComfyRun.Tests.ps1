#Requires -Version 7.4

BeforeAll { . $PSScriptRoot/common.ps1 }

AfterAll { Clear-TestState }

Describe 'Wait-ComfyRun' {
    BeforeEach { $emulator = New-TestEmulator }

    Context 'a batch' {
        It 'returns 12 runs as they finish, in one wait' {
            $runs = 1..12 | ForEach-Object { "#stuck $_" } | Start-ComfyRun portrait -InputName prompt
            # At first, only the last run is finished. Each returned run advances the others, so a wait for one run at a time would never end.
            $emulator.SetStatus($runs[11].RunId, 'success', $true)
            $order = $runs | Wait-ComfyRun -Timeout 60s | ForEach-Object {
                if ($_.RunId -eq $runs[11].RunId) { foreach ($run in $runs[0..10]) { $emulator.SetStatus($run.RunId, 'success', $true) } }
                $_.RunId
            }
            $order.Count | Should -Be 12
            $order[0] | Should -Be $runs[11].RunId
            @($order | Sort-Object -Unique).Count | Should -Be 12
            @(Get-TestRequest $emulator -Path "/run/$($runs[11].RunId)").Count | Should -Be 1
            # The others once or twice: before and after a returned run advanced them.
            @(Get-TestRequest $emulator -Path '/run/*' -Method GET).Count | Should -BeLessOrEqual 23
        }

        It 'has one deadline for all, and one error, last' {
            $runs = 1..6 | ForEach-Object { $_ % 2 ? '#stuck' : 'x' } | Start-ComfyRun portrait -InputName prompt
            $emulator.Advance('00:05:00')
            $all = $runs | Wait-ComfyRun -Timeout 300ms 2>&1
            $all.Count | Should -Be 7
            $all[6] | Should -BeOfType System.Management.Automation.ErrorRecord
            $all[0..2].Status | Should -Be 'success', 'success', 'success'
            $all[3..5].IsFinished | Should -Be $false, $false, $false
            $all[6].FullyQualifiedErrorId | Should -Be 'WaitTimeout,ComfyDeploy.Commands.WaitComfyRunCommand'
            $all[6].CategoryInfo.Category | Should -Be 'OperationTimeout'
            @($all[6].TargetObject).RunId | Should -Be $all[3..5].RunId
            foreach ($run in $all[3..5]) { $all[6].Exception.Message | Should -BeLike "*$($run.RunId)*" }
            $all[6].Exception.Message | Should -BeLike '*| Wait-ComfyRun*'
        }

        It 'fills -OutVariable with the preference Stop: 6 objects, one error, last' {
            $runs = 1..6 | ForEach-Object { $_ % 2 ? '#stuck' : 'x' } | Start-ComfyRun portrait -InputName prompt
            $emulator.Advance('00:05:00')
            $ErrorActionPreference = 'Stop'
            $caught = try { $null = $runs | Wait-ComfyRun -Timeout 300ms -OutVariable waited } catch { $_ }
            $waited.Count | Should -Be 6
            $caught.FullyQualifiedErrorId | Should -Be 'WaitTimeout,ComfyDeploy.Commands.WaitComfyRunCommand'
            @($waited | Where-Object IsFinished).Count | Should -Be 3
        }

        It 'polls each run exactly once with -Timeout 0' {
            $runs = 'a', '#stuck', '#fail', '#unknown', '#stuck=running' | Start-ComfyRun portrait -InputName prompt
            $emulator.Advance('00:05:00')
            $waited = $runs | Wait-ComfyRun -Timeout 0 -SkipErrorDetail -ErrorVariable errors -ErrorAction SilentlyContinue
            $waited.Count | Should -Be 5
            $errors.Count | Should -Be 1
            $looks = Get-TestRequest $emulator -Method GET -Path '/run/*'
            @($looks).Count | Should -Be 5
            @($looks.Path | Sort-Object -Unique).Count | Should -Be 5
        }

        It 'ends for <Status> as fast as for success: one poll' -ForEach @(
            @{ Status = 'success' }, @{ Status = 'failed' }, @{ Status = 'timeout' }, @{ Status = 'cancelled' }
        ) {
            $run = Start-ComfyRun portrait @{ prompt = '#stuck' }
            $emulator.SetStatus($run.RunId, $Status, $true)
            $waited = $run | Wait-ComfyRun -ErrorVariable errors
            $waited.Status | Should -Be $Status
            $waited.IsFinished | Should -BeTrue
            $waited.IsSuccess | Should -Be ($Status -eq 'success')
            $errors | Should -BeNullOrEmpty
            @(Get-TestRequest $emulator -Method GET -Path '/run/*').Count | Should -Be 1
        }

        It 'ends for a <Status> without an end time' -ForEach @(@{ Status = 'success' }, @{ Status = 'failed' }, @{ Status = 'cancelled' }, @{ Status = 'timeout' }) {
            $run = Start-ComfyRun portrait @{ prompt = '#stuck' }
            $emulator.SetStatus($run.RunId, $Status, $false)
            ($run | Wait-ComfyRun -Timeout 0).Status | Should -Be $Status
        }

        It 'does not end for an unknown status without an end time, and does with one' {
            $run = Start-ComfyRun portrait @{ prompt = '#stuck' }
            $emulator.SetStatus($run.RunId, 'archived', $false)
            $waited = $run | Wait-ComfyRun -Timeout 0 -ErrorVariable errors -ErrorAction SilentlyContinue
            $waited.IsFinished | Should -BeFalse
            $errors.FullyQualifiedErrorId | Should -BeLike 'WaitTimeout,*'
            $emulator.SetStatus($run.RunId, 'archived', $true)
            ($run | Wait-ComfyRun -Timeout 0).IsFinished | Should -BeTrue
        }

        It 'returns a run once if it is given twice' {
            $run = Start-ComfyRun portrait @{ prompt = 'x' }
            $emulator.Advance('00:05:00')
            @($run, $run.RunId, ($run.RunId -replace '-') | Wait-ComfyRun).Count | Should -Be 1
        }

        It 'accepts runs as a parameter, as IDs, and as rows' {
            $runs = 'a', 'b' | Start-ComfyRun portrait -InputName prompt
            $emulator.Advance('00:05:00')
            @(Wait-ComfyRun $runs).Count | Should -Be 2
            @(Wait-ComfyRun $runs.RunId).Count | Should -Be 2
            @($runs | Select-Object RunId | Wait-ComfyRun).Count | Should -Be 2
            @($runs.RunId.ForEach{ $_.Substring(0, 8) } | Wait-ComfyRun).Count | Should -Be 2
        }

        It 'continues from <Format>, and keeps the data of the row' -ForEach @(
            @{ Format = 'CSV'; Trip = { $_ | Export-Csv TestDrive:/w.csv; Import-Csv TestDrive:/w.csv } }
            @{ Format = 'Clixml'; Trip = { $_ | Export-Clixml TestDrive:/w.xml; Import-Clixml TestDrive:/w.xml } }
        ) {
            $runs = "prompt,shot`na,s1`nb #fail,s2" | ConvertFrom-Csv | Start-ComfyRun portrait -LabelColumn shot
            $emulator.Advance('00:05:00')
            $waited = , $runs | ForEach-Object $Trip | Wait-ComfyRun | Sort-Object Label
            $waited.Label | Should -Be 's1', 's2'
            $waited.Status | Should -Be 'success', 'failed'
            $waited.DeploymentName | Should -Be 'portrait/production', 'portrait/production'
            $waited.DeploymentId | Should -Be $runs.DeploymentId
        }

        It 'does not change the piped objects' {
            $run = Start-ComfyRun portrait @{ prompt = 'x' }
            $emulator.Advance('00:05:00')
            $waited = $run | Wait-ComfyRun
            $run.Status | Should -Be 'not-started'
            $waited.Status | Should -Be 'success'
            $waited.Inputs.prompt | Should -Be 'x'
        }

        It 'gets the reasons for failed runs with at most two list requests for a batch' {
            $runs = 1..10 | ForEach-Object { "#fail $_" } | Start-ComfyRun portrait -InputName prompt
            $emulator.Advance('01:00:00')
            $waited = $runs | Wait-ComfyRun
            @($waited.Error | Where-Object { $_ }).Count | Should -Be 10
            @(Get-TestRequest $emulator -Path '/workflow/*').Count | Should -BeLessOrEqual 2
        }

        It 'keeps the order with -InOrder when the first run finishes last' {
            $runs = '#stuck', '#stuck', '#stuck' | Start-ComfyRun portrait -InputName prompt
            foreach ($index in 2, 1, 0) { $emulator.SetStatus($runs[$index].RunId, 'success', $true) }
            ($runs | Wait-ComfyRun -InOrder).RunId | Should -Be $runs.RunId
        }

        It 'also returns unfinished runs with -InOrder and a timeout' {
            $runs = '#stuck', 'b', 'c' | Start-ComfyRun portrait -InputName prompt
            $emulator.Advance('00:05:00')
            $waited = $runs | Wait-ComfyRun -InOrder -Timeout 0 -ErrorAction SilentlyContinue
            $waited.Count | Should -Be 3
        }

        It 'ends early with -Any and -Count' {
            $runs = '#stuck', 'b', '#stuck', 'd' | Start-ComfyRun portrait -InputName prompt
            $emulator.Advance('00:05:00')
            @($runs | Wait-ComfyRun -Any -ErrorVariable errors).Count | Should -Be 1
            @($runs | Wait-ComfyRun -Count 2 -ErrorVariable +errors).Count | Should -Be 2
            $errors | Should -BeNullOrEmpty
        }

        It 'returns rows that were never queued, as finished' {
            $runs = "seed`n1`nx" | ConvertFrom-Csv | Start-ComfyRun portrait -WarningAction SilentlyContinue
            $emulator.Advance('00:05:00')
            $waited = $runs | Wait-ComfyRun
            $waited.Status | Sort-Object | Should -Be 'not-queued', 'success'
        }

        It 'passes rows of a manifest that are done through without a request, and waits for the others' {
            $manifest = Join-Path $TestDrive night.jsonl
            $null = 'a', 'b #fail' | Start-ComfyRun portrait -InputName prompt -Manifest $manifest
            $emulator.Advance('00:10:00')
            $null = Get-ComfyRun -Manifest $manifest | Wait-ComfyRun
            $before = $emulator.Requests.Count
            $done = 'a', 'b #fail' | Start-ComfyRun portrait -InputName prompt -Manifest $manifest | Wait-ComfyRun -InOrder
            $done.Status | Should -Be 'success', 'failed'
            $emulator.Requests.Count | Should -Be $before
            $all = 'a', 'b #fail', 'c' | Start-ComfyRun portrait -InputName prompt -Manifest $manifest |
                ForEach-Object { $emulator.Advance('00:10:00'); $_ } | Wait-ComfyRun -InOrder
            $all.Status | Should -Be 'success', 'failed', 'success'
            $all[0..1].RunId | Should -Be $done.RunId
            $emulator.Runs.Count | Should -Be 3
        }

        It 'works after a producer that is still running' {
            $waited = 1..3 | ForEach-Object { $emulator.Advance('00:05:00'); $_ } | Start-ComfyRun portrait -InputName seed |
                ForEach-Object { $emulator.Advance('00:05:00'); $_ } | Wait-ComfyRun -Timeout 30s
            $waited.Count | Should -Be 3
        }
    }

    Context 'errors' {
        It 'one unknown ID among three: two objects, one error, last, $? false' {
            $runs = 'a', 'b' | Start-ComfyRun portrait -InputName prompt
            $emulator.Advance('00:05:00')
            $waited = $runs[0].RunId, $MissingId, $runs[1].RunId | Wait-ComfyRun -ErrorVariable errors -ErrorAction SilentlyContinue
            $succeeded = $?
            $succeeded | Should -BeFalse
            $waited.Count | Should -Be 2
            $errors.Count | Should -Be 1
            $errors[0].FullyQualifiedErrorId | Should -Be 'RunNotFound,ComfyDeploy.Commands.WaitComfyRunCommand'
            $errors[0].TargetObject | Should -Be $MissingId
        }

        It 'reports an invalid ID at the end, and waits for the others, with the preference Stop' {
            $run = Start-ComfyRun portrait @{ prompt = 'x' }
            $emulator.Advance('00:05:00')
            $ErrorActionPreference = 'Stop'
            $caught = try { $null = 'nonsense', $run.RunId | Wait-ComfyRun -OutVariable waited } catch { $_ }
            $waited.RunId | Should -Be $run.RunId
            $caught.FullyQualifiedErrorId | Should -BeLike 'RunIdInvalid,*'
        }

        It 'treats an empty line as an invalid run ID' {
            $run = Start-ComfyRun portrait @{ prompt = 'x' }
            $emulator.Advance('00:05:00')
            $waited = $run.RunId, '' | Wait-ComfyRun -ErrorVariable errors -ErrorAction SilentlyContinue
            @($waited).Count | Should -Be 1
            $errors.FullyQualifiedErrorId | Should -BeLike 'RunIdInvalid,*'
        }

        It 'throws one RunFailed at the end with -ThrowOnFailure, after all objects' {
            $runs = 'a', '#fail', 'c' | Start-ComfyRun portrait -InputName prompt
            $emulator.Advance('00:05:00')
            { $runs | Wait-ComfyRun -ThrowOnFailure -OutVariable script:waited } | Should -Throw "*1 of 3*$($runs[1].RunId)*" -ErrorId 'RunFailed,ComfyDeploy.Commands.WaitComfyRunCommand'
            $waited.Count | Should -Be 3
        }

        It 'throws nothing with -ThrowOnFailure when all runs succeed' {
            $run = Start-ComfyRun portrait @{ prompt = 'x' }
            $emulator.Advance('00:05:00')
            ($run | Wait-ComfyRun -ThrowOnFailure).IsSuccess | Should -BeTrue
        }

        It 'throws NoRuns for an empty batch with -ThrowOnFailure, and nothing without' {
            { @() | Wait-ComfyRun -ThrowOnFailure } | Should -Throw -ErrorId 'NoRuns,*'
            @() | Wait-ComfyRun -ErrorVariable errors | Should -BeNullOrEmpty
            $errors | Should -BeNullOrEmpty
        }

        It 'throws RunFailed for a row that was not queued' {
            $row = "seed`nx" | ConvertFrom-Csv | Start-ComfyRun portrait -WarningAction SilentlyContinue
            { $row | Wait-ComfyRun -ThrowOnFailure } | Should -Throw -ErrorId 'RunFailed,*'
        }

        It 'throws RunFailed for a timeout with -ThrowOnFailure, after WaitTimeout' {
            $run = Start-ComfyRun portrait @{ prompt = '#stuck' }
            { $run | Wait-ComfyRun -Timeout 0 -ThrowOnFailure -ErrorVariable script:errors -ErrorAction SilentlyContinue } | Should -Throw -ErrorId 'RunFailed,*'
            $errors.FullyQualifiedErrorId | Should -Contain 'WaitTimeout,ComfyDeploy.Commands.WaitComfyRunCommand'
        }

        It 'names a connection that is not the default in the lines to paste: <Count> runs' -ForEach @{ Count = 2 }, @{ Count = 7 } {
            $studio = New-NamedEmulator studio
            $null = @('#stuck') * $Count | Start-ComfyRun portrait -InputName prompt -Connection studio |
                Wait-ComfyRun -Timeout 0 -ErrorVariable errors -ErrorAction SilentlyContinue
            $lines = "$errors" -split "`n"
            $lines[1] | Should -BeLike "To stop them: * -Connection 'studio'*;"
            $lines[2] | Should -BeLike "to continue to wait: * -Connection 'studio'*"
            Invoke-Expression ($lines[1] -replace '^To stop them: ')
            @($studio.Runs | Where-Object Status -EQ cancelled).Count | Should -Be $Count
            (Invoke-Expression ($lines[2] -replace '^to continue to wait: ')).Count | Should -BeIn 0, $Count
        }

        It 'cancels late runs with -StopOnTimeout, before it returns them' {
            $runs = '#stuck=running', 'b', '#stuck=queued' | Start-ComfyRun portrait -InputName prompt
            $emulator.Advance('00:05:00')
            $waited = $runs | Wait-ComfyRun -Timeout 0 -StopOnTimeout -ErrorVariable errors -ErrorAction SilentlyContinue
            $waited.Count | Should -Be 3
            ($emulator.Runs.Status | Sort-Object) | Should -Be 'cancelled', 'cancelled', 'success'
            @($waited | Where-Object IsFinished).Count | Should -Be 3
            $errors.Count | Should -Be 1
            $errors[0].FullyQualifiedErrorId | Should -BeLike 'WaitTimeout,*'
            @(Get-TestRequest $emulator -Method POST -Path '*cancel').Count | Should -Be 2
        }

        It 'cancels nothing without -StopOnTimeout' {
            $run = Start-ComfyRun portrait @{ prompt = '#stuck' }
            $null = $run | Wait-ComfyRun -Timeout 0 -ErrorAction SilentlyContinue
            Get-TestRequest $emulator -Path '*cancel' | Should -BeNullOrEmpty
        }

        It 'reports which run could not be cancelled' {
            $run = Start-ComfyRun portrait @{ prompt = '#stuck=running #nocall' }
            $waited = $run | Wait-ComfyRun -Timeout 0 -StopOnTimeout -ErrorVariable errors -ErrorAction SilentlyContinue -WarningVariable warnings -WarningAction SilentlyContinue
            $waited.IsFinished | Should -BeFalse
            "$warnings $($errors.Exception.Message)" | Should -BeLike "*$($run.RunId)*"
            $errors[0].Exception.Message | Should -Not -BeLike '*They were cancelled*'
        }

        It 'does not treat a failed poll as a failed run' {
            $run = Start-ComfyRun portrait @{ prompt = 'x' }
            $emulator.Advance('00:05:00')
            $emulator.AddFault('GET /run/* = 503 retry-after=0 x2')
            ($run | Wait-ComfyRun -WarningAction SilentlyContinue -Timeout 30s).Status | Should -Be 'success'
        }

        It 'loses no run when the key is rejected, and says so' {
            $runs = 'a', 'b' | Start-ComfyRun portrait -InputName prompt
            $emulator.AddFault('GET /run/* = 401 always')
            $waited = $runs | Wait-ComfyRun -Timeout 1 -ErrorVariable errors -ErrorAction SilentlyContinue
            $waited.Count | Should -Be 2
            $errors.Count | Should -Be 1
            $errors[0].FullyQualifiedErrorId | Should -BeLike 'WaitTimeout,*'
            $errors[0].Exception.Message | Should -BeLike '*does not accept the API key*'
        }

        It 'rejects a deployment and names its type' {
            { Get-ComfyDeployment portrait/staging | Wait-ComfyRun -ErrorAction Stop } | Should -Throw '*ComfyDeployment is not a run*'
        }

        It 'rejects -InOrder with -Any, and -Count 0' {
            { Wait-ComfyRun $MissingId -InOrder -Any } | Should -Throw -ErrorId 'AmbiguousParameterSet,*'
            { Wait-ComfyRun $MissingId -Count 0 } | Should -Throw
        }
    }

    Context 'stopping' {
        It 'stops within 200 ms in a wait: no error, no object, and no request after' {
            $run = Start-ComfyRun portrait @{ prompt = '#stuck' }
            $hung = $emulator
            $stopped = Measure-TestStop "'$($run.RunId)' | Wait-ComfyRun" -When { @(Get-TestRequest $hung -Method GET -Path '/run/*').Count -gt 0 }
            $stopped.Milliseconds | Should -BeLessOrEqual 200
            $stopped.Errors | Should -BeNullOrEmpty
            $stopped.Output | Should -BeNullOrEmpty
            $stopped.State | Should -Be 'Stopped'
        }

        It 'stops within 200 ms in a hung poll' {
            $run = Start-ComfyRun portrait @{ prompt = '#stuck' }
            $emulator.AddFault('GET /run/* = hang always')
            $hung = $emulator
            $stopped = Measure-TestStop "'$($run.RunId)' | Wait-ComfyRun" -When { @(Get-TestRequest $hung -Method GET -Path '/run/*').Count -gt 0 }
            $stopped.Milliseconds | Should -BeLessOrEqual 200
            $stopped.Errors | Should -BeNullOrEmpty
        }

        It 'ends with the pipeline: Select-Object -First 1' {
            $runs = 'a', '#stuck' | Start-ComfyRun portrait -InputName prompt
            $emulator.Advance('00:05:00')
            @($runs | Wait-ComfyRun | Select-Object -First 1).Count | Should -Be 1
        }

        It 'shows no progress for a wait under a second' {
            $run = Start-ComfyRun portrait @{ prompt = 'x' }
            $emulator.Advance('00:05:00')
            $shell = [powershell]::Create()
            $null = $shell.AddScript("Import-Module '$ModulePath/ComfyDeploy.psd1'; '$($run.RunId)' | Wait-ComfyRun").Invoke()
            $shell.Streams.Progress.Count | Should -Be 0
            $shell.Streams.Information.Count | Should -Be 0
            $shell.Dispose()
        }
    }
}
