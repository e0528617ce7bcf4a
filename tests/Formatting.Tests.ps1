#Requires -Version 7.4

BeforeDiscovery {
    # Expected header of each type's default table, at 120 and at 80 columns.
    $tables = @(
        @{ Type = 'ComfyRun'; Width = 120; Header = 'RunId DeploymentName Status Done Gpu RunTime Age Detail' }
        @{ Type = 'ComfyRun'; Width = 80; Header = 'RunId DeploymentName Status Done Gpu RunTime Age Detail' }
        @{ Type = 'LabeledRun'; Width = 120; Header = 'Label RunId Status Done RunTime Age Detail' }
        @{ Type = 'LabeledRun'; Width = 80; Header = 'Label RunId Status Done RunTime Age Detail' }
        @{ Type = 'ComfyDeployment'; Width = 120; Header = 'Name Environment Gpu MachineName Version UpdatedAt DeploymentId' }
        @{ Type = 'ComfyDeployment'; Width = 80; Header = 'Name Environment Gpu MachineName Version UpdatedAt' }
        @{ Type = 'ComfyDeploymentInput'; Width = 120; Header = 'Name Kind Type Default Min Max Options Description' }
        @{ Type = 'ComfyDeploymentInput'; Width = 80; Header = 'Name Kind Type Default Min Max' }
        @{ Type = 'ComfyConnection'; Width = 120; Header = 'Name IsDefault BaseUri UserId OrgId' }
        @{ Type = 'ComfyConnection'; Width = 80; Header = 'Name IsDefault BaseUri UserId' }
        @{ Type = 'ComfyConnectionTest'; Width = 120; Header = 'ConnectionName Result LatencyMs Message' }
        @{ Type = 'ComfyConnectionTest'; Width = 80; Header = 'ConnectionName Result LatencyMs Message'; Wraps = $true }
        @{ Type = 'ComfyEmulator'; Width = 120; Header = 'BaseUri Runs Requests Speed' }
        @{ Type = 'ComfyEmulator'; Width = 80; Header = 'BaseUri Runs Requests Speed' }
        @{ Type = 'ComfyRunOutput'; Width = 120; Header = 'RunId Index Kind NodeId NodeClass Detail' }
        @{ Type = 'ComfyRunOutput'; Width = 80; Header = 'RunId Index Kind NodeId NodeClass Detail' }
        @{ Type = 'ComfyFile'; Width = 120; Header = 'FileName Kind Length FileId' }
        @{ Type = 'ComfyFile'; Width = 80; Header = 'FileName Kind Length FileId' }
        @{ Type = 'EmulatorRequest'; Width = 120; Header = 'Number Method Status Path' }
        @{ Type = 'EmulatorRequest'; Width = 80; Header = 'Number Method Status Path' }
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
    $shots = "prompt,seed,shot`na red fox,1,a01`na bear #fail,2,a02`nan owl,x,a03" | ConvertFrom-Csv
    $labeled = $shots | Start-ComfyRun portrait -LabelColumn shot -WarningAction SilentlyContinue
    $emulator.Advance('00:30:00')
    $labeled = $labeled | Wait-ComfyRun -InOrder
    $spoken = Start-ComfyRun portrait @{ prompt = 'a fox #multi=2 #text' }
    $emulator.Advance('00:30:00')
    $row = "seed`nabc" | ConvertFrom-Csv | Start-ComfyRun portrait -WarningAction SilentlyContinue
    $picture = Join-Path $TestDrive 'a picture with a long name 2026-11-24.png'
    Set-Content -LiteralPath $picture -Value 'x'
    $labeled | Export-Clixml "$TestDrive/job.xml"
    $samples = @{
        ComfyFile            = Send-ComfyFile -LiteralPath $picture
        ComfyRun             = $runs
        LabeledRun           = $labeled
        ComfyDeployment      = Get-ComfyDeployment
        ComfyDeploymentInput = Get-ComfyDeploymentInput portrait
        ComfyConnection      = Get-ComfyConnection
        ComfyConnectionTest  = Test-ComfyConnection -Detailed
        ComfyEmulator        = $emulator
        ComfyRunOutput       = $runs[0].Outputs
        EmulatorRequest      = $emulator.Requests[0..3]
        SavedFile            = $spoken, $labeled[0] | Get-ComfyRun | Save-ComfyRunOutput $TestDrive
        ComfyStopResult      = $started[2] | Stop-ComfyRun -PassThru
    }

    # What jobs and files make of an object.
    function ConvertTo-Deserialized {
        [CmdletBinding()]
        param([Parameter(Mandatory, ValueFromPipeline)] [object] $InputObject)
        process { [System.Management.Automation.PSSerializer]::Deserialize([System.Management.Automation.PSSerializer]::Serialize($InputObject, 2)) }
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
        $lines[3] | Should -Match "^\w{8} portrait/production  failed + A10G +\d+s +\d+s \w+: .+"
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

    It 'has the view Timing, which names the deployment' {
        $lines = @($runs | Format-Table -View Timing | Get-Line -Width 120)
        $lines[0] -replace ' +', ' ' | Should -Be 'RunId DeploymentName QueueSeconds ColdStartSeconds RunSeconds TotalSeconds Status EstimatedCost'
        $lines[2] | Should -Match '^\w{8} portrait/production +\d+\.\d +\d+\.\d +\d+\.\d +\d+\.\d success +\d\.\d+$'
        $lines.Count | Should -Be 8
        $narrow = @($runs | Format-Table -View Timing | Get-Line -Width 80)
        $narrow[0] -replace ' +', ' ' | Should -Be 'RunId DeploymentName QueueSeconds ColdStartSeconds RunSeconds'
        $narrow.Count | Should -Be 8
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
        $names | Should -Be 'RunId', 'DeploymentName', 'Label', 'Status', 'Error', 'Gpu', 'Inputs', 'CreatedAt', 'EndedAt', 'RunSeconds', 'EstimatedCost', 'OutputCount'
    }

    It 'lists label and inputs, also of deserialized runs' {
        foreach ($run in $labeled[0], ($labeled[0] | ConvertTo-Deserialized)) {
            $lines = @($run | Format-List | Get-Line)
            $lines | Should -Contain 'Label          : a01'
            $lines -match '^Inputs' | Should -Match '^Inputs +: \{"(prompt":"a red fox","seed":1|seed":1,"prompt":"a red fox")\}$'
            $lines.Count | Should -Be 12
        }
    }

    It 'lists no signature and no whole image of the inputs' {
        $link = "https://x.test/a.png?X-Amz-Signature=$('0' * 64)"
        $run = [pscustomobject]@{ PSTypeName = 'ComfyDeploy.ComfyRun'; Inputs = "{`"image`":`"$link`",`"mask`":`"data:image/png;base64,$('A' * 9999)`"}" }
        $text = $run | Format-List | Out-String -Width 120
        $text | Should -Not -Match 'Amz|0000'
        $text.Length | Should -BeLessThan 3000
    }

    It 'cuts the name of the workflow, never the environment: <Name>' -ForEach @(
        @{ Name = 'flux-dev-lora-training/production'; Shown = 'flux-dev…/production' }
        @{ Name = 'flux-dev-lora-training/community-share'; Shown = 'flu…/community-share' }
        @{ Name = 'portrait-2/production'; Shown = 'portrait…/production' }
        @{ Name = 'portraits/production'; Shown = 'portraits/production' }
        @{ Name = 'portrait-without-environment'; Shown = 'portrait-without-en…' }
    ) {
        foreach ($type in 'ComfyDeploy.ComfyRun', 'ComfyDeploy.ComfyStopResult') {
            foreach ($width in 80, 120) {
                $lines = @([pscustomobject]@{ PSTypeName = $type; RunId = '0e7adf4a'; DeploymentName = $Name } | Get-Line -Width $width)
                $lines[2].Substring(9, 20).TrimEnd() | Should -BeExactly $Shown
            }
        }
    }

    It 'shows no progress for a failed run' {
        $runs[1].Status | Should -Be 'failed'
        $runs[1].PercentComplete | Should -BeGreaterThan 0
        ($runs[1] | Get-Line)[2] | Should -Not -Match '%'
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

Describe 'The table of labeled runs' {
    It 'is read by the labels, also where a row was not queued' {
        $lines = @($labeled | Get-Line)
        $lines[0] | Should -BeExactly 'Label            RunId    Status      Done RunTime  Age Detail'
        $lines[1] | Should -BeExactly '-----            -----    ------      ---- -------  --- ------'
        $lines[2] | Should -Match '^a01              \w{8} success     100%      \ds +\w+ 1 output$'
        $lines[3] | Should -Match '^a02              \w{8} failed                \ds +\w+ \w+: CUDA out of memory\. '
        $lines[4] | Should -Match "^a03                       not-queued                     *Input 'seed' takes an integer"
        $lines.Count | Should -Be 5
    }

    It 'stays one table when runs with and without labels are mixed, at <Width>' -ForEach @{ Width = 80 }, @{ Width = 120 } {
        $back = $labeled, $runs | ForEach-Object { , @($_ | ConvertTo-Deserialized) }
        foreach ($pair in @{ L = $labeled; R = $runs }, @{ L = $back[0]; R = $back[1] }) {
            $lines = @($pair.L + $pair.R | Get-Line -Width $Width)
            $lines[0] | Should -Match '^Label '
            $lines.Count | Should -Be 11
            $lines = @($pair.R + $pair.L | Get-Line -Width $Width)
            $lines[0] | Should -Match '^RunId    DeploymentName '
            $lines.Count | Should -Be 11
        }
    }

    It 'applies to runs that went through <What>' -ForEach @(
        @{ What = 'Export-Clixml' }, @{ What = 'a job' }, @{ What = 'a CSV file' }, @{ What = 'Get-ComfyRun' }
    ) {
        $key = Get-TestKey $emulator
        $again = switch ($What) {
            'Export-Clixml' { $labeled | Export-Clixml "$TestDrive/runs.xml"; Import-Clixml "$TestDrive/runs.xml" }
            'a job' {
                Start-Job {
                    Import-Module $using:ModulePath/ComfyDeploy.psd1
                    Connect-ComfyDeploy (ConvertTo-SecureString $using:key -AsPlainText) -BaseUri $using:emulator.BaseUri
                    Import-Clixml $using:TestDrive/job.xml | Where-Object RunId | Get-ComfyRun -WarningAction Ignore
                } | Receive-Job -Wait -AutoRemoveJob
            }
            'a CSV file' { $labeled | Where-Object RunId | ConvertTo-Csv | ConvertFrom-Csv | Get-ComfyRun }
            'Get-ComfyRun' { $labeled | Where-Object RunId | Get-ComfyRun }
        }
        @($again | Get-Line)[0] | Should -Match '^Label +RunId +Status'
        @($again | Get-Line)[2] | Should -Match '^a01 +\w{8} success'
        @($again | Get-Line).Count | Should -BeGreaterThan 3
        # Two levels, so that a job returns the inputs and outputs as objects.
        $again[0].Inputs.prompt | Should -Be 'a red fox'
        $again[0].Outputs[0].FileName | Should -Be 'ComfyUI_00001_.png'
    }

    It 'leaves a run without a label alone' {
        $runs[0].PSObject.TypeNames | Should -Be 'ComfyDeploy.ComfyRun', 'System.Object'
        $labeled[0].PSObject.TypeNames | Should -Be 'ComfyDeploy.ComfyRun#Labeled', 'ComfyDeploy.ComfyRun', 'System.Object'
    }

    It 'changes neither the text, nor the CSV columns, nor the JSON of a run' {
        "$($labeled[0])" | Should -BeExactly $labeled[0].RunId
        ($labeled[0] | ConvertTo-Csv)[0] | Should -BeExactly ($runs[0] | ConvertTo-Csv)[0]
        $json = $labeled[0] | ConvertTo-Json -Depth 3 -WarningAction SilentlyContinue -WarningVariable warnings | ConvertFrom-Json
        $json.Label | Should -Be 'a01'
        $json.Inputs.prompt | Should -Be 'a red fox'
        $json.Outputs.Count | Should -Be 1
        $warnings | Should -BeNullOrEmpty
        ($labeled[0] | Format-Wide | Get-Line).Trim() | Should -BeExactly $labeled[0].RunId
    }

    It 'has the other views' {
        @($labeled | Format-Table -View Timing | Get-Line)[0] | Should -Match '^RunId +DeploymentName +QueueSeconds'
        @($labeled | Format-Table -View Default | Get-Line)[0] | Should -Match '^RunId +DeploymentName +Status'
        @($runs | Format-Table -View Labeled | Get-Line)[0] | Should -Match '^Label +RunId +Status'
        $labeled[1] | Format-List -View Error | Out-String | Should -Match 'CUDA'
    }
}

Describe 'The table of saved files' {
    It 'has the folder above it, at <Width> columns' -ForEach @{ Width = 80 }, @{ Width = 120 } {
        $files = $samples.SavedFile
        foreach ($shown in $files, ($files | ConvertTo-Deserialized)) {
            # The folder may be longer than a line.
            $lines = @($shown | Get-Line -Width $Width)
            $lines[0].Trim() | Should -BeLike 'Directory: *'
            $lines = @($lines | Select-Object -Skip ([array]::IndexOf($lines, ($lines -match '^RunId')[0])))
            $lines[0] | Should -BeExactly 'RunId    Label              Length Name'
            $lines[1] | Should -BeExactly '-----    -----              ------ ----'
            $lines.Count | Should -Be (2 + $files.Count)
            $lines[2] | Should -Match "^$($files[0].RunId.Substring(0, 8)) {16} +\d+ $([regex]::Escape($files[0].Name))$"
            $lines[-1] | Should -Match "^$($files[-1].RunId.Substring(0, 8)) a01 +\d+ "
        }
    }

    It 'begins again for another folder' {
        $files = $labeled | Where-Object RunId | Save-ComfyRunOutput $TestDrive -NameTemplate '{Label}/{RunId:12}_{Index:00}_{FileName}' -WarningAction Ignore
        $spoken | Save-ComfyRunOutput "$TestDrive/others" -OutVariable +files
        ($files | Get-Line) -match 'Directory: ' | Should -HaveCount 2
    }

    It 'has headers that are properties' {
        foreach ($name in 'RunId', 'Label', 'Length', 'Name') {
            $samples.SavedFile | Sort-Object $name -ErrorAction Stop | Select-Object -ExpandProperty $name -ErrorAction Stop
        }
    }

    It 'changes nothing of the files: Get-Item, Copy-Item, Export-Csv and Remove-Item take them' {
        $files = $spoken, $labeled[0] | Save-ComfyRunOutput "$TestDrive/saved"
        $files | Should -BeOfType System.IO.FileInfo
        ($files | Get-Item).FullName | Should -Be $files.FullName
        $null = New-Item "$TestDrive/copies" -ItemType Directory
        $files | Copy-Item -Destination "$TestDrive/copies"
        (Get-ChildItem "$TestDrive/copies").Name | Sort-Object | Should -Be ($files.Name | Sort-Object)
        $files | Export-Csv "$TestDrive/saved.csv"
        $rows = Import-Csv "$TestDrive/saved.csv"
        $rows.FullName | Should -Be $files.FullName
        $rows[-1].Label | Should -BeExactly 'a01'
        $rows[0].RunId, $rows[0].Index, $rows[0].Label, $rows[0].DeploymentName | Should -Be $spoken.RunId, '0', '', 'portrait/production'
        @($files | Format-Table -View children | Get-Line) -match '^Mode +LastWriteTime' | Should -HaveCount 1
        $files | Remove-Item
        Get-ChildItem "$TestDrive/saved" | Should -BeNullOrEmpty
    }
}

Describe 'Lists' {
    It '<Type>: has a short default list, also deserialized' -ForEach @(
        @{ Type = 'ComfyDeployment'; Names = 'DeploymentName Description Gpu MachineName Version UpdatedAt Inputs DeploymentId' }
        @{ Type = 'ComfyDeploymentInput'; Names = 'Name Kind Type Default Min Max Step Options Description' }
        @{ Type = 'ComfyConnection'; Names = 'Name IsDefault BaseUri UserId OrgId RequestTimeout' }
        @{ Type = 'ComfyConnectionTest'; Names = 'Result LatencyMs Message' }
        @{ Type = 'ComfyEmulator'; Names = 'BaseUri StorageUri Speed Now Requests Runs'; Live = $true }
        @{ Type = 'ComfyRunOutput'; Names = 'RunId Index Kind NodeId NodeClass OutputId FileName Text CreatedAt' }
        @{ Type = 'ComfyFile'; Names = 'FileName Kind Length FileId ExpiresAt Path ConnectionName'; Set = 'FileName Kind Length FileId ExpiresAt Path' }
        @{ Type = 'SavedFile'; Names = 'RunId Index Label DeploymentName Length LastWriteTime FullName' }
        @{ Type = 'EmulatorRequest'; Names = 'Number Method Path Query Status IsStorage ReceivedAt' }
        @{ Type = 'ComfyStopResult'; Names = 'RunId DeploymentName Was Outcome Status Message' }
    ) {
        $sample = @($samples[$Type])[0]
        $sample.PSStandardMembers.DefaultDisplayPropertySet.ReferencedPropertyNames -join ' ' | Should -Be ($Set ?? $Names)
        foreach ($one in $sample, $(if (-not $Live) { $sample | ConvertTo-Deserialized })) {
            if ($null -eq $one) { continue }
            $shown = $one | Format-List | Get-Line -Width 500 | Where-Object { $_ -match '^\w+ *:' } | ForEach-Object { ($_ -split ' ')[0].TrimEnd(':') }
            $shown -join ' ' | Should -Be $Names
        }
    }

    It 'every type that a cmdlet writes has one' {
        $types = Get-Command -Module ComfyDeploy | ForEach-Object { $_.OutputType.Type } | Where-Object Namespace -like 'ComfyDeploy*' | Sort-Object FullName -Unique
        $types.Count | Should -BeGreaterThan 6
        $set = [xml](Get-Content $ModulePath/ComfyDeploy.Types.ps1xml -Raw)
        foreach ($type in $types) {
            $set.SelectSingleNode("//Type[Name='$type']//PropertySet[Name='DefaultDisplayPropertySet']") | Should -Not -BeNullOrEmpty -Because $type
        }
    }
}

Describe 'Views' {
    It 'have short names, which are what completion offers' {
        (Get-FormatData ComfyDeploy.*).FormatViewDefinition.Name | Should -Not -Match '\.'
        Get-Completion 'Get-ComfyRun | Format-Table -View ' | Should -Be 'Default', 'Labeled', 'Timing', 'Id'
    }
}

Describe 'CSV files' {
    It '<Type>: no row has a value twice' -ForEach @{ Type = 'ComfyRunOutput' }, @{ Type = 'ComfyFile' } {
        $rows = @($samples[$Type]) + @(if ($Type -eq 'ComfyRunOutput') { $spoken | Get-ComfyRunOutput }) | ConvertTo-Csv | ConvertFrom-Csv
        foreach ($row in $rows) {
            $row.PSObject.Properties.Value | Where-Object { $_ } | Group-Object | Where-Object Count -gt 1 | Should -BeNullOrEmpty
        }
    }

    It 'keeps what it hides' {
        $output = ($spoken | Get-ComfyRunOutput)[-1]
        $output.Detail | Should -BeExactly $output.Text
        ($output | ConvertTo-Csv)[0] | Should -BeExactly '"RunId","Index","Kind","NodeId","NodeClass","FileName","Text","Url","OutputId","CreatedAt"'
        ($output | ConvertTo-Json | ConvertFrom-Json).Detail | Should -BeExactly $output.Text
        ($output | ConvertTo-Deserialized | Get-Line)[2] | Should -Match "$($output.Text)$"
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

Describe 'A terminal of <_> columns' -Skip:(-not $IsLinux -or -not (Get-Command script -CommandType Application -ErrorAction Ignore)) -ForEach 80, 120 {
    BeforeAll {
        # A pseudo terminal of util-linux: what a user sees, with the escape codes.
        function Invoke-Terminal {
            [CmdletBinding()]
            param([Parameter(Mandatory)] [string] $Script, [Parameter(Mandatory)] [int] $Width, [string] $Environment = '')
            $file = "$TestDrive/terminal.ps1"
            Set-Content -LiteralPath $file -Value "`$ProgressPreference = 'SilentlyContinue'; Import-Module $ModulePath/ComfyDeploy.psd1`n$Script"
            $command = "stty rows 50 cols $Width; env -u NO_COLOR TERM=xterm-256color $Environment $((Get-Process -Id $PID).Path) -NoProfile -NonInteractive -File $file"
            $text = $null | script -qec $command /dev/null
            # Without what the engine itself adds: the mode of the cursor keys, and the style of the headers.
            $text -replace '\e\[\?1h\e=|\r$' -replace '\e\[32;1m(.*?)\e\[0m', '$1'
        }
        $width = $_
        $show = @"
`$emulator = Start-ComfyEmulator -Connect -Speed 0
`$started = '#time=100 success', '#fail', '#timeout', '#cancelled', '#stuck=running', '#stuck=queued' | Start-ComfyRun portrait -InputName prompt
`$emulator.Advance('00:30:00')
`$plain = `$started | Get-ComfyRun
`$labeled = 'prompt,seed,shot', 'a fox,1,a01', 'a bear #fail,2,a02', 'an owl,x,a03' | ConvertFrom-Csv | Start-ComfyRun portrait -LabelColumn shot -WarningAction Ignore
`$emulator.Advance('00:30:00')
`$labeled = `$labeled | Wait-ComfyRun -InOrder
`$back = [System.Management.Automation.PSSerializer]::Deserialize([System.Management.Automation.PSSerializer]::Serialize(`$labeled, 2))
foreach (`$runs in `$plain, `$labeled, `$back) { `$runs | Out-Default }
`$plain | Out-File $TestDrive/file.txt
`$null = Start-Transcript $TestDrive/transcript.txt
`$plain | Out-Default
`$null = Stop-Transcript
'Out-String: ' + (`$plain | Out-String).Contains([char]27)
`$PSStyle.OutputRendering = 'PlainText'
`$plain | Out-Default
"@
        $shown = @(Invoke-Terminal $show -Width $width | Where-Object { $_.Trim() })
        $shown | Set-Content "$TestDrive/shown.txt"
        $colors = @{ success = 32; failed = 31; timeout = 31; cancelled = 33; 'not-queued' = 33; running = 36 }
    }

    It 'colors only the status, by its meaning' {
        $rows = @($shown[0..17] -notmatch '^(RunId|Label|-----)')
        $rows.Count | Should -Be 12
        foreach ($row in $rows) {
            $codes = [regex]::Matches($row, '\e\[([0-9;]*)m(.*?)\e\[0m')
            if ($row -match ' queued ') { $row | Should -Not -Match '\e'; continue }
            $codes.Count | Should -Be 1 -Because $row
            $codes[0].Groups[1].Value | Should -Be $colors[$codes[0].Groups[2].Value] -Because $row
            ($row -replace '\e\[[0-9;]*m[a-z-]+\e\[0m') | Should -Not -Match '\e'
        }
    }

    It 'keeps every column in its place, and every line in the window' {
        foreach ($table in $shown[0..7], $shown[8..12], $shown[13..17]) {
            $header = $table[0]
            $places = $header.IndexOf('Status'), $header.IndexOf('Detail')
            foreach ($row in $table[2..9]) {
                $plain = $row -replace '\e\[[0-9;]*m'
                $plain.TrimEnd().Length | Should -BeLessThan $width
                foreach ($place in $places) {
                    $plain[$place - 1] | Should -Be ' ' -Because $plain
                    if ($place -lt $plain.TrimEnd().Length) { $plain[$place] | Should -Not -Be ' ' -Because $plain }
                }
                $plain.Substring($header.IndexOf('Status')) | Should -Match '^(success|failed|timeout|cancelled|running|queued|not-queued) '
            }
        }
    }

    It 'colors nothing in a file, a transcript or a string, and nothing with PlainText' {
        Get-Content "$TestDrive/file.txt" -Raw | Should -Not -Match '\e'
        Get-Content "$TestDrive/transcript.txt" -Raw | Should -Not -Match '\e\[3'
        $shown | Should -Contain 'Out-String: False'
        $after = $shown[([array]::IndexOf($shown, 'Out-String: False') + 1)..$shown.Count]
        $after.Count | Should -BeGreaterThan 7
        $after | Should -Not -Match '\e'
    }

    It 'colors nothing with NO_COLOR' {
        $script = "`$emulator = Start-ComfyEmulator -Connect -Speed 0; `$run = Start-ComfyRun portrait @{ prompt = '#fail' }; `$emulator.Advance('00:30:00'); `$run | Get-ComfyRun"
        (Invoke-Terminal $script -Width $width) -match 'failed' | Should -Not -BeNullOrEmpty
        (Invoke-Terminal $script -Width $width -Environment 'NO_COLOR=1') -match 'failed' | Should -Not -Match '\e'
    }
}
