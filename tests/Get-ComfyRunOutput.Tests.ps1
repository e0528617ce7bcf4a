#Requires -Version 7.4

BeforeAll {
    . $PSScriptRoot/common.ps1
    $emulator = New-TestEmulator
    $runs = 'a #multi=2', 'b #fail', 'c #text', 'd #nooutput', 'e #video' | Start-ComfyRun portrait -InputName prompt
    $emulator.Advance('00:10:00')
}

AfterAll { Clear-TestState }

Describe 'Get-ComfyRunOutput' {
    It 'returns each output of each run, in order' {
        $outputs = $runs | Get-ComfyRunOutput
        $outputs[0] | Should -BeOfType ComfyDeploy.ComfyRunOutput
        $outputs.Kind | Should -Be 'image', 'image', 'image', 'text', 'video'
        $outputs.Index | Should -Be 0, 1, 0, 1, 0
        $outputs.RunId | Should -Be $runs[0, 0, 2, 2, 4].RunId
    }

    It 'reads a run again if it was piped before it finished' {
        $runs[0].OutputCount | Should -BeNullOrEmpty
        @($runs[0] | Get-ComfyRunOutput).Count | Should -Be 2
    }

    It 'filters by several kinds' {
        ($runs | Get-ComfyRunOutput -Kind TEXT).Text | Should -Not -BeNullOrEmpty
        @($runs | Get-ComfyRunOutput -Kind text, video).Count | Should -Be 2
    }

    It 'links to the run, its inputs, and its label' {
        $output = @($runs | Get-ComfyRunOutput)[0]
        $output.Run.Inputs.prompt | Should -Be 'a #multi=2'
        $output.Run.DeploymentName | Should -Be 'portrait/production'
    }

    It 'does not show the run in its columns' {
        (@($runs | Get-ComfyRunOutput)[0] | Select-Object *).PSObject.Properties.Name |
            Should -Be 'RunId', 'Index', 'Kind', 'NodeId', 'NodeClass', 'FileName', 'Text', 'Url', 'OutputId', 'CreatedAt'
    }

    It 'creates a contact sheet of a grid' {
        $sheet = $runs | Wait-ComfyRun | Get-ComfyRunOutput | Select-Object RunId, @{ n = 'prompt'; e = { $_.Run.Inputs.prompt } }, Url | ConvertTo-Csv
        @($sheet | Where-Object { $_ -like "*$($runs[0].RunId)*a #multi=2*http*" }).Count | Should -Be 2
    }

    It 'one unknown ID among three: one error, $? false' {
        $outputs = $runs[0].RunId, $MissingId, $runs[4].RunId | Get-ComfyRunOutput -ErrorVariable errors -ErrorAction SilentlyContinue
        $succeeded = $?
        $succeeded | Should -BeFalse
        $outputs.Count | Should -Be 3
        $errors.FullyQualifiedErrorId | Should -Be 'RunNotFound,ComfyDeploy.Commands.GetComfyRunOutputCommand'
    }

    It 'converts to JSON and CSV' {
        $json = $runs | Get-ComfyRunOutput | ConvertTo-Json -Depth 5 -WarningVariable warnings -WarningAction SilentlyContinue
        $warnings | Should -BeNullOrEmpty
        $json | Should -Not -Match 'ValueKind'
        $runs | Get-ComfyRunOutput | ConvertTo-Csv | Out-String | Should -Not -Match 'System\.|ComfyDeploy\.'
    }

    It 'completes kinds' {
        Get-Completion 'Get-ComfyRunOutput -Kind i' | Should -Contain 'image'
    }
}
