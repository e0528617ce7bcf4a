#Requires -Version 7.4

BeforeDiscovery {
    # Expected header of each type's default table, at 120 and at 80 columns.
    $tables = @(
        @{ Type = 'ComfyRun'; Width = 120; Header = 'RunId DeploymentName Status Done Gpu RunTime Age Detail' }
        @{ Type = 'ComfyRun'; Width = 80; Header = 'RunId DeploymentName Status Done Gpu RunTime Age Detail' }
        @{ Type = 'ComfyDeployment'; Width = 120; Header = 'Name Environment Gpu MachineName Version UpdatedAt DeploymentId' }
        @{ Type = 'ComfyDeployment'; Width = 80; Header = 'Name Environment Gpu MachineName Version UpdatedAt' }
        @{ Type = 'ComfyDeploymentInput'; Width = 120; Header = 'Name Kind Type Default Min Max Options Description' }
        @{ Type = 'ComfyDeploymentInput'; Width = 80; Header = 'Name Kind Type Default Min Max' }
        @{ Type = 'ComfyConnection'; Width = 120; Header = 'Name IsDefault BaseUri UserId OrgId' }
        @{ Type = 'ComfyConnection'; Width = 80; Header = 'Name IsDefault BaseUri UserId' }
        @{ Type = 'ComfyConnectionTest'; Width = 120; Header = 'Result LatencyMs Message' }
        @{ Type = 'ComfyConnectionTest'; Width = 80; Header = 'Result LatencyMs Message'; Wraps = $true }
        @{ Type = 'ComfyEmulator'; Width = 120; Header = 'BaseUri Runs Requests Speed' }
        @{ Type = 'ComfyEmulator'; Width = 80; Header = 'BaseUri Runs Requests Speed' }
        @{ Type = 'ComfyRunOutput'; Width = 120; Header = 'RunId Index Kind NodeId NodeClass Detail' }
        @{ Type = 'ComfyRunOutput'; Width = 80; Header = 'RunId Index Kind NodeId NodeClass Detail' }
        @{ Type = 'ComfyFile'; Width = 120; Header = 'FileName Kind Length FileId' }
        @{ Type = 'ComfyFile'; Width = 80; Header = 'FileName Kind Length FileId' }
        @{ Type = 'ComfyStopResult'; Width = 120; Header = 'RunId DeploymentName Was Outcome Status Message' }
        @{ Type = 'ComfyStopResult'; Width = 80; Header = 'RunId DeploymentName Was Outcome Status Message' }
    )
}

BeforeAll {
    . $PSScriptRoot/common.ps1
    $emulator = New-TestEmulator
    $started = '#time=100 success', '#fail', '#stuck', '#stuck=running', '#cancelled', '#timeout' | Start-ComfyRun portrait -InputName prompt
    $emulator.Advance('00:00:30')
    $early = $started | Get-ComfyRun
    $emulator.Advance('00:30:00')
    $runs = $started | Get-ComfyRun
    $row = "seed`nabc" | ConvertFrom-Csv | Start-ComfyRun portrait -WarningAction SilentlyContinue
    $picture = Join-Path $TestDrive 'a picture with a long name 2026-11-24.png'
    Set-Content -LiteralPath $picture -Value 'x'
    $samples = @{
        ComfyFile            = Send-ComfyFile -LiteralPath $picture
        ComfyRun             = $runs
        ComfyDeployment      = Get-ComfyDeployment
        ComfyDeploymentInput = Get-ComfyDeploymentInput portrait
        ComfyConnection      = Get-ComfyConnection
        ComfyConnectionTest  = Test-ComfyConnection -Detailed
        ComfyEmulator        = $emulator
        ComfyRunOutput       = $runs[0].Outputs
        ComfyStopResult      = $started[2] | Stop-ComfyRun -PassThru
    }

    # The lines of a display, without colors and empty lines.
    function Get-Line {
        [CmdletBinding()]
        param([Parameter(Mandatory, ValueFromPipeline)] [object] $InputObject, [int] $Width = 120)
        begin { $all = [System.Collections.Generic.List[object]]::new() }
        process { $all.Add($InputObject) }
        end {
            $text = $all | Out-String -Width $Width
            ($text -replace '\e\[[0-9;]*m') -split '\r?\n' | Where-Object { $_.Trim() }
        }
    }
}

AfterAll { Clear-TestState }

Describe 'Default tables' {
    It '<Type> at <Width> columns: the header is complete, on one line, and nothing wraps' -ForEach $tables {
        $sample = @($samples[$Type])
        $lines = @($sample | Get-Line -Width $Width)
        $lines[0].Trim() -replace ' +', ' ' | Should -BeExactly $Header
        $lines[1] | Should -Match '^[- ]+$'
        if (-not $Wraps) { $lines.Count | Should -Be (2 + $sample.Count) }
        $lines | ForEach-Object { $_.TrimEnd().Length | Should -BeLessOrEqual $Width }
    }

    It '<Type>: every header is a property' -ForEach ($tables | Where-Object Width -eq 120) {
        $sample = @($samples[$Type])[0]
        foreach ($name in $Header -split ' ') {
            $null -ne $sample.PSObject.Members[$name] | Should -BeTrue -Because "$name can be used with Where-Object and Sort-Object"
        }
    }

    It '<Type>: every header works with Sort-Object and Select-Object' -ForEach ($tables | Where-Object Width -eq 120) {
        $sample = @($samples[$Type])
        foreach ($name in $Header -split ' ') {
            { $sample | Sort-Object $name -ErrorAction Stop | Select-Object $name -ErrorAction Stop } | Should -Not -Throw
        }
    }
}

Describe 'The table of runs' {
    It 'shows six runs in six states' {
        $lines = @($early | Get-Line)
        $lines[0] | Should -BeExactly 'RunId    DeploymentName       Status      Done Gpu       RunTime  Age Detail'
        $lines[1] | Should -BeExactly '-----    --------------       ------      ---- ---       -------  --- ------'
        $lines[2] | Should -Match "^$($early[0].RunId.Substring(0, 8)) portrait/production  running +\d+% A10G +\d+s +\d+s Executing \w+$"
        $lines[3] | Should -Match "^\w{8} portrait/production  failed +\d+% A10G +\d+s +\d+s \w+: .+"
        $lines[4] | Should -Match '^\w{8} portrait/production  not-started +A10G +\d+s( position \d+)?$'
        $lines.Count | Should -Be 8
    }

    It 'shows the outcome' {
        $lines = @($runs | Get-Line)
        $lines[2] | Should -Match 'success +100% A10G +1m40s +\w+ 1 output$'
        $lines[6] | Should -Match 'cancelled'
        $lines[7] | Should -Match 'timeout'
        $lines | ForEach-Object { $_.Length | Should -BeLessOrEqual 120 }
    }

    It 'keeps all columns at 80' {
        $lines = @($runs | Get-Line -Width 80)
        $lines[0] | Should -BeExactly 'RunId    DeploymentName       Status      Done Gpu       RunTime  Age Detail'
        $lines.Count | Should -Be 8
    }

    It 'shows a row that was not queued, with its reason' {
        $lines = @($row | Get-Line)
        $lines[2] | Should -Match "^ {9}portrait/production  not-queued .*'seed'"
    }

    It 'also applies to deserialized runs' {
        $back = [System.Management.Automation.PSSerializer]::Deserialize([System.Management.Automation.PSSerializer]::Serialize($runs))
        $back[0].PSObject.TypeNames[0] | Should -Be 'Deserialized.ComfyDeploy.ComfyRun'
        # Except for values that still change: the age, and the run time of a running run. The emulator's clock, hours ahead here, is lost with the connection.
        $shown = $back, $runs | ForEach-Object { ($_ | Get-Line | Select-Object -Skip 2).ForEach{ if ($_ -match ' running ') { $_.Remove(57, 12) } else { $_.Remove(65, 4) } } -join "`n" }
        $shown[0] | Should -Be $shown[1]
        @($back | Get-Line -Width 80).Count | Should -Be 8
        $back[0].RunTime | Should -BeOfType timespan
        $back[0].Id | Should -Be $back[0].RunId
    }

    It 'applies to runs from a job' {
        $job = Start-ThreadJob { Import-Module $using:ModulePath/ComfyDeploy.psd1; $using:runs | Get-ComfyRun }
        $received = $job | Receive-Job -Wait -AutoRemoveJob
        @($received | Get-Line)[0] | Should -Match '^RunId +DeploymentName +Status'
    }

    It 'removes control characters that would move the cursor' {
        $run = Start-ComfyRun portrait @{ prompt = 'x' }
        $emulator.SetStatus($run.RunId, "`e[2Jevil`nline", $false)
        $lines = @(Get-ComfyRun $run.RunId | Out-String -Width 120)
        "$lines" | Should -Not -Match '\e\[2J'
        @(Get-ComfyRun $run.RunId | Get-Line).Count | Should -Be 3
    }

    It 'has the view Timing' {
        $lines = @($runs | Format-Table -View Timing | Get-Line -Width 120)
        $lines[0] -replace ' +', ' ' | Should -Be 'RunId Status QueueSeconds ColdStartSeconds RunSeconds TotalSeconds EstimatedCost'
        $lines.Count | Should -Be 8
        @($runs | Format-Table -View Timing | Get-Line -Width 80)[0] | Should -Match 'TotalSeconds$'
    }

    It 'has the view Error with complete IDs and reasons' {
        $text = $runs[1] | Format-List -View Error | Out-String -Width 120
        $text | Should -Match $runs[1].RunId
        ($text -replace '\s+', ' ') | Should -BeLike "*$($runs[1].Error)*"
    }

    It 'has the view Id' {
        $lines = @($runs | Format-Table -View Id | Get-Line -Width 80)
        $lines[0] -replace ' +', ' ' | Should -Be 'RunId Status DeploymentName'
        $lines[2] | Should -BeLike "$($runs[0].RunId)*"
    }

    It 'lists the properties of the display set' {
        $names = $runs[0] | Format-List | Get-Line | ForEach-Object { ($_ -split ' ')[0] }
        $names | Should -Be 'RunId', 'DeploymentName', 'Status', 'Error', 'Gpu', 'CreatedAt', 'RunSeconds', 'EstimatedCost', 'OutputCount'
    }

    It 'is readable in de-DE' {
        $before = [cultureinfo]::CurrentCulture
        try {
            [cultureinfo]::CurrentCulture = 'de-DE'
            @($runs | Get-Line -Width 80).Count | Should -Be 8
            @($runs | Get-Line)[2] | Should -Match '1m40s'
        } finally {
            [cultureinfo]::CurrentCulture = $before
        }
    }
}

Describe 'Color' {
    It 'is in no redirected output' {
        $child = Invoke-ChildPwsh @"
Connect-ComfyDeploy (ConvertTo-SecureString '$(Get-TestKey $emulator)' -AsPlainText) -BaseUri $($emulator.BaseUri)
'$($runs.RunId -join "','")' | Get-ComfyRun | Format-Table | Out-String -Width 120
"@ -Environment @{ NO_COLOR = '' }
        ($child.Output -split '\r?\n' | Select-Object -Skip 2) -join "`n" | Should -Not -Match '\e\['
    }

    It 'is absent with $PSStyle.OutputRendering = PlainText' {
        $before = $PSStyle.OutputRendering
        try {
            $PSStyle.OutputRendering = 'PlainText'
            $runs | Out-String -Width 120 | Should -Not -Match '\e'
            $runs | Format-Table -View Id | Out-String -Width 120 | Should -Not -Match '\e'
        } finally {
            $PSStyle.OutputRendering = $before
        }
    }

    It 'is in no property and no CSV' {
        $runs | ConvertTo-Csv | Out-String | Should -Not -Match '\e'
        $runs.Status -join ' ' | Should -Not -Match '\e'
    }
}
